"""The tables of the ledger, and every statement on them. Functions of a connection; no state.

    rows    one request each, as ``record.Row``; the oldest go when the file is too large or they are too old
    hours   sums per (hour, namespace, model, kind), kept in the same transaction: what /stats reads, whatever the load
    streams, findings   what the layout engine found: findings.py

The sums outlive rows that went for size; both go when they are too old, by whole hours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from everwarm.ledger import findings
from everwarm.ledger.record import APPLICATION, Row
from everwarm.ledger.sums import Tally
from everwarm.store import bulk
from everwarm.store.file import Schema, used_bytes

HOUR = 3600

VERSION_1 = (
    """CREATE TABLE rows (
        id INTEGER PRIMARY KEY, at REAL NOT NULL, namespace TEXT NOT NULL, dialect TEXT NOT NULL, model TEXT NOT NULL,
        status INTEGER NOT NULL, cache TEXT NOT NULL, via TEXT NOT NULL, stream INTEGER NOT NULL,
        bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
        prompt INTEGER NOT NULL, output INTEGER NOT NULL, prefix_cached INTEGER NOT NULL,
        ttft_ms REAL NOT NULL, total_ms REAL NOT NULL, saved_ms REAL NOT NULL, prefill_ms REAL NOT NULL,
        reason TEXT NOT NULL)""",
    "CREATE INDEX rows_by_time ON rows (at)",
    "CREATE INDEX rows_by_namespace ON rows (namespace)",
    """CREATE TABLE hours (
        hour INTEGER NOT NULL, namespace TEXT NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL,
        requests INTEGER NOT NULL, first REAL NOT NULL, prompt INTEGER NOT NULL, output INTEGER NOT NULL,
        prefixed INTEGER NOT NULL, cached INTEGER NOT NULL, saved_ms REAL NOT NULL,
        prefilled INTEGER NOT NULL, prefill_ms REAL NOT NULL,
        PRIMARY KEY (hour, namespace, model, kind)) WITHOUT ROWID""",
)
VERSION_2 = findings.TABLES
VERSION_3 = findings.COUNTED
SCHEMA = Schema(APPLICATION, (VERSION_1, VERSION_2, VERSION_3))

_COLUMNS = ", ".join(Row._fields)

# What a row is called, and what it counts. The only place that decides it: for the hours and for part of an hour.
# An error counts tokens only if a model was asked; cached ones count where a model was asked, if there were so many.
_COUNTED = """
    SELECT CAST(at / 3600 AS INTEGER) AS hour, namespace, model, kind, COUNT(*) AS requests, MIN(at) AS first,
        SUM(asked) AS prompt, SUM(got) AS output, SUM(cached > 0) AS prefixed, SUM(cached) AS cached,
        SUM(CASE WHEN kind IN ('hit', 'joined') THEN MAX(saved_ms, 0.0) ELSE 0.0 END) AS saved_ms,
        SUM(CASE WHEN timed THEN asked - cached ELSE 0 END) AS prefilled,
        SUM(CASE WHEN timed THEN prefill_ms ELSE 0.0 END) AS prefill_ms
    FROM (
        SELECT *, CASE WHEN kind IN ('miss', 'bypass', 'failed') THEN MIN(MAX(prefix_cached, 0), asked) ELSE 0 END
                AS cached, kind IN ('miss', 'bypass', 'failed') AND prefill_ms > 0 AS timed
        FROM (
            SELECT *, CASE WHEN kind = 'refused' THEN 0 ELSE MAX(prompt, 0) END AS asked,
                CASE WHEN kind = 'refused' THEN 0 ELSE MAX(output, 0) END AS got
            FROM (
                SELECT *, CASE
                    WHEN status >= 400 AND cache IN ('miss', 'bypass') THEN 'failed'
                    WHEN status >= 400 THEN 'refused'
                    WHEN cache IN ('hit', 'joined', 'miss') THEN cache
                    ELSE 'bypass' END AS kind
                FROM rows WHERE {which})))
    GROUP BY 1, 2, 3, 4"""

_ROLL_UP = f"""
    INSERT INTO hours {_COUNTED.format(which="id > ?")}
    ON CONFLICT (hour, namespace, model, kind) DO UPDATE SET
        requests = requests + excluded.requests, first = MIN(first, excluded.first),
        prompt = prompt + excluded.prompt, output = output + excluded.output, prefixed = prefixed + excluded.prefixed,
        cached = cached + excluded.cached, saved_ms = saved_ms + excluded.saved_ms,
        prefilled = prefilled + excluded.prefilled, prefill_ms = prefill_ms + excluded.prefill_ms"""

_SUMS = """
    SELECT model, kind, SUM(requests), MIN(first), SUM(prompt), SUM(output), SUM(prefixed), SUM(cached), SUM(saved_ms),
        SUM(prefilled), SUM(prefill_ms)
    FROM {source} WHERE hour >= ?1 AND (?2 IS NULL OR namespace = ?2) GROUP BY model, kind"""


def append(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    """Add rows, and what they count to their hours."""
    last = connection.execute("SELECT IFNULL(MAX(id), 0) FROM rows").fetchone()[0]
    bulk.insert(connection, f"rows ({_COLUMNS})", rows)
    connection.execute(_ROLL_UP, (last,))


def tallies(connection: sqlite3.Connection, namespace: str | None, since: float | None) -> dict[tuple[str, str], Tally]:
    """(model, kind) -> sums. The hour that ``since`` falls into is counted from its rows, the rest from ``hours``."""
    whole = -(2**62) if since is None else -int(-since // HOUR)  # the first hour that begins at since or later
    found: dict[tuple[str, str], Tally] = {}
    parts = [connection.execute(_SUMS.format(source="hours"), (whole, namespace)).fetchall()]
    if since is not None:
        some = _SUMS.format(source=f"({_COUNTED.format(which='at >= ?3 AND at < ?4')})")
        parts.append(connection.execute(some, (-(2**62), namespace, since, float(whole * HOUR))).fetchall())
    for model, kind, *sums in (row for part in parts for row in part):
        found[model, kind] = found.get((model, kind), Tally()) + Tally(*sums)
    return found


def newest(connection: sqlite3.Connection, namespace: str | None, since: float | None, limit: int) -> list[Row]:
    """The newest rows, newest first."""
    where, values = _where(namespace, since)
    found = connection.execute(f"SELECT {_COLUMNS} FROM rows {where} ORDER BY id DESC LIMIT ?", (*values, limit))  # noqa: S608
    return [Row(*row)._replace(stream=bool(row[Row._fields.index("stream")])) for row in found.fetchall()]


def durations(
    connection: sqlite3.Connection, namespace: str | None, since: float | None, limit: int
) -> dict[str, list[tuple[float, float]]]:
    """Of the newest ``limit`` rows, (total_ms, ttft_ms) of those answered: "hit", or "miss" if a model was asked."""
    where, values = _where(namespace, since)
    found = connection.execute(
        f"SELECT cache, total_ms, ttft_ms, status FROM rows {where} ORDER BY id DESC LIMIT ?",  # noqa: S608  no values
        (*values, limit),
    )
    pairs: dict[str, list[tuple[float, float]]] = {"hit": [], "miss": []}
    for how, total, ttft, status in found.fetchall():
        if status < 400 and how != "joined":
            pairs["hit" if how == "hit" else "miss"].append((total, ttft))
    return pairs


def _where(namespace: str | None, since: float | None) -> tuple[str, list[str | float]]:
    """The condition and its values. Rows come about in the order of time: the first id of a time narrows the search.

    The plus keeps SQLite from walking all ids for their minimum; so it walks the times from ``since`` on.
    """
    conditions: list[str] = []
    values: list[str | float] = []
    if namespace is not None:
        conditions.append("namespace = ?")
        values.append(namespace)
    if since is not None:
        conditions.append("at >= ? AND id >= (SELECT MIN(+id) FROM rows WHERE at >= ?)")
        values += [since, since]
    return "WHERE " + " AND ".join(conditions) if conditions else "", values


def prune_age(connection: sqlite3.Connection, before_hour: int) -> None:
    """Let go of everything of earlier hours."""
    connection.execute("DELETE FROM rows WHERE at < ?", (float(before_hour * HOUR),))
    connection.execute("DELETE FROM hours WHERE hour < ?", (before_hour,))
    findings.prune_age(connection, float(before_hour * HOUR))


def prune_size(connection: sqlite3.Connection, max_bytes: int) -> None:
    """Let the oldest rows go, a twentieth at a time, until what is used of the file fits; then the oldest hours."""
    while used_bytes(connection) > max_bytes:
        low, high = connection.execute("SELECT MIN(id), MAX(id) FROM rows").fetchone()
        if low is not None:
            connection.execute("DELETE FROM rows WHERE id <= ?", (low + (high - low) // 20,))
        elif not connection.execute("DELETE FROM hours WHERE hour = (SELECT MIN(hour) FROM hours)").rowcount:
            break  # even empty it is larger than the bound
