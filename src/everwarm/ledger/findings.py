"""What the layout engine found, added up: which place of which stream of requests costs how many tokens. No text of a
prompt. Records, and functions of a connection; no state.

    streams    requests that were looked at, by namespace, stream and model
    findings   of these, those in which something was found at one place

Both are bounded in rows; what was seen longest ago goes first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from everwarm.core.layout.finding import Cost, Finding
from everwarm.core.layout.words import place

MOST_STREAMS: Final = 2_000
MOST_FINDINGS: Final = 10_000
LONGEST_NAME: Final = 64
"""Characters of a stream's name, and of a kind."""

TABLES: Final = (
    """CREATE TABLE streams (
        namespace TEXT NOT NULL, stream TEXT NOT NULL, model TEXT NOT NULL, requests INTEGER NOT NULL,
        first REAL NOT NULL, last REAL NOT NULL, PRIMARY KEY (namespace, stream, model)) WITHOUT ROWID""",
    "CREATE INDEX streams_by_time ON streams (last)",
    """CREATE TABLE findings (
        namespace TEXT NOT NULL, stream TEXT NOT NULL, model TEXT NOT NULL,
        path TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
        kind TEXT NOT NULL, cure TEXT NOT NULL, done INTEGER NOT NULL,
        seen INTEGER NOT NULL, lost INTEGER NOT NULL, total INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL,
        PRIMARY KEY (namespace, stream, model, path, start, stop, kind, cure, done)) WITHOUT ROWID""",
    "CREATE INDEX findings_by_time ON findings (last)",
)
COUNTED: Final = (
    "CREATE TEMP TABLE kept AS SELECT * FROM findings",
    "DROP TABLE findings",
    """CREATE TABLE findings (
        namespace TEXT NOT NULL, stream TEXT NOT NULL, model TEXT NOT NULL,
        path TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
        kind TEXT NOT NULL, cure TEXT NOT NULL, done INTEGER NOT NULL,
        seen INTEGER NOT NULL, lost INTEGER NOT NULL, total INTEGER NOT NULL, first REAL NOT NULL, last REAL NOT NULL,
        calibrated INTEGER NOT NULL,
        PRIMARY KEY (namespace, stream, model, path, start, stop, kind, cure, done)) WITHOUT ROWID""",
    "CREATE INDEX findings_by_time ON findings (last)",
    "INSERT INTO findings SELECT *, 0 FROM kept",
    "DROP TABLE kept",
)
"""Adds how many of those that were seen were counted with calibrated tokens."""


class Spot(NamedTuple):
    """One finding of one request, as the ledger has it."""

    path: str  # as ``core.layout.words.place`` writes it
    start: int
    stop: int
    kind: str
    cure: str
    done: bool
    lost: int  # tokens
    total: int  # tokens
    calibrated: bool  # as in ``Cost``


class Looked(NamedTuple):
    """One request that the layout engine has looked at."""

    at: float  # seconds since 1970
    namespace: str
    stream: str
    model: str
    spots: tuple[Spot, ...]
    weight: int = 1  # it stands for so many, of which the others were not looked at


class Found(NamedTuple):
    """What was found at one place. Sums over the requests in which it was."""

    namespace: str
    stream: str
    model: str
    path: str
    start: int
    stop: int
    kind: str
    cure: str
    done: bool
    seen: int  # requests in which it was seen,
    requests: int  # of so many of its stream
    lost: int  # tokens
    total: int  # tokens
    first: float
    last: float
    calibrated: int  # of the requests in which it was seen, those whose tokens were calibrated


class Counted(NamedTuple):
    """One stream of requests, over all namespaces."""

    stream: str
    model: str
    requests: int
    last: float  # seconds since 1970


class Asked(NamedTuple):
    """Requests of one stream, from one namespace for one model."""

    namespace: str
    model: str
    requests: int
    first: float  # seconds since 1970
    last: float


def spot(finding: Finding, cost: Cost) -> Spot:
    """A finding without its text, with what it costs."""
    path, kind = place(finding.path), finding.kind[:LONGEST_NAME]
    return Spot(path, finding.start, finding.end, kind, finding.cure, finding.done, *cost)


_LOOK = """
    INSERT INTO streams VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (namespace, stream, model) DO UPDATE SET
        requests = requests + excluded.requests, first = MIN(first, excluded.first), last = MAX(last, excluded.last)"""
_FIND = """
    INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (namespace, stream, model, path, start, stop, kind, cure, done) DO UPDATE SET
        seen = seen + excluded.seen, lost = lost + excluded.lost, total = total + excluded.total,
        calibrated = calibrated + excluded.calibrated,
        first = MIN(first, excluded.first), last = MAX(last, excluded.last)"""
_WORST = """
    SELECT f.namespace, f.stream, f.model, path, start, stop, kind, cure, done, seen, IFNULL(s.requests, seen),
        lost, total, f.first, f.last, calibrated
    FROM findings f LEFT JOIN streams s USING (namespace, stream, model)
    WHERE (?1 IS NULL OR f.namespace = ?1) AND (?2 IS NULL OR f.last >= ?2) AND (?4 IS NULL OR f.stream = ?4)
    ORDER BY done, lost DESC, path, start LIMIT ?3"""
_OF_STREAM = """
    SELECT namespace, model, requests, first, last FROM streams WHERE stream = ?
    ORDER BY requests DESC, namespace, model"""
_STREAMS = """
    SELECT stream, model, SUM(requests) AS requests, MAX(last) FROM streams WHERE last >= ? AND stream <> ''
    GROUP BY stream, model ORDER BY 3 DESC, stream, model"""


def note(connection: sqlite3.Connection, looked: Iterable[Looked]) -> None:
    """Add requests, and keep both tables within their bounds."""
    for at, namespace, stream, model, spots, weight in looked:
        of = (namespace, stream[:LONGEST_NAME], model)
        connection.execute(_LOOK, (*of, weight, at, at))
        connection.executemany(_FIND, [_sums(of, each, weight, at) for each in spots])
    for table, most in (("streams", MOST_STREAMS), ("findings", MOST_FINDINGS)):
        oldest = f"SELECT last FROM {table} ORDER BY last DESC LIMIT 1 OFFSET ?"  # noqa: S608
        connection.execute(f"DELETE FROM {table} WHERE last <= ({oldest})", (most,))  # noqa: S608


def _sums(of: tuple[str, str, str], found: Spot, weight: int, at: float) -> tuple[object, ...]:
    sums = weight, weight * found.lost, weight * found.total, at, at, weight * found.calibrated
    return (*of, *found[:6], *sums)


def worst(
    connection: sqlite3.Connection, namespace: str | None, since: float | None, limit: int, stream: str | None = None
) -> Sequence[Found]:
    """Those that cost most, of the namespace and the stream (None: of all), seen at ``since`` or later: first what
    nobody repairs."""
    rows = connection.execute(_WORST, (namespace, since, limit, stream)).fetchall()
    done = Found._fields.index("done")
    return [Found(*row)._replace(done=bool(row[done])) for row in rows]


def streams(connection: sqlite3.Connection, since: float) -> list[Counted]:
    """Those that were seen at ``since`` or later, of all namespaces; the ones with most requests first."""
    return [Counted(*row) for row in connection.execute(_STREAMS, (since,)).fetchall()]


def asked(connection: sqlite3.Connection, stream: str) -> list[Asked]:
    """Who has asked in this stream, as far back as is known; the one with most requests first."""
    return [Asked(*row) for row in connection.execute(_OF_STREAM, (stream,)).fetchall()]


def prune_age(connection: sqlite3.Connection, before: float) -> None:
    """Let go of what was not seen since."""
    for table in ("streams", "findings"):
        connection.execute(f"DELETE FROM {table} WHERE last < ?", (before,))  # noqa: S608  a name of ours
