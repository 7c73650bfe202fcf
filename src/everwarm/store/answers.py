"""The tables of stored answers, and every statement on them. Functions of a connection; no state.

entries   what is looked up, counted and evicted: small rows, many to a page
bodies    proof, payload and seal of an entry; apart, so that touching or counting an entry reads no payload
tags      (namespace, tag) -> entry
accounts  what each namespace holds, and '' for all; kept by triggers in the same transaction
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from everwarm.core.key import ExactKey
from everwarm.errors import Bug
from everwarm.store.file import Schema
from everwarm.store.protocol import Accounting, Entry
from everwarm.store.rules import alive, tag_bytes, weight
from everwarm.store.seal import check, seal

APPLICATION = 0x45764131  # "EvA1"
SEALED_AS = b"answer 1"  # first part of every seal; changes with what is sealed

VERSION_1 = (
    """CREATE TABLE entries (
        id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,
        created REAL NOT NULL, expires REAL NOT NULL, used REAL NOT NULL)""",
    "CREATE INDEX entries_by_key ON entries (namespace, digest, size)",
    "CREATE INDEX entries_by_expiry ON entries (expires)",
    "CREATE INDEX entries_by_use ON entries (used)",
    """CREATE TABLE bodies (
        entry INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE,
        mac BLOB NOT NULL, tags BLOB NOT NULL, proof BLOB NOT NULL, payload BLOB NOT NULL)""",
    """CREATE TABLE tags (
        namespace TEXT NOT NULL, tag BLOB NOT NULL, entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE,
        PRIMARY KEY (namespace, tag, entry)) WITHOUT ROWID""",
    "CREATE INDEX tags_by_entry ON tags (entry)",
    """CREATE TABLE accounts (
        namespace TEXT PRIMARY KEY, entries INTEGER NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID""",
    "INSERT INTO accounts VALUES ('', 0, 0)",
    """CREATE TRIGGER entry_came AFTER INSERT ON entries BEGIN
        INSERT OR IGNORE INTO accounts VALUES (new.namespace, 0, 0);
        UPDATE accounts SET entries = entries + 1, bytes = bytes + new.size WHERE namespace IN ('', new.namespace);
    END""",
    """CREATE TRIGGER entry_went AFTER DELETE ON entries BEGIN
        UPDATE accounts SET entries = entries - 1, bytes = bytes - old.size WHERE namespace IN ('', old.namespace);
        DELETE FROM accounts WHERE namespace = old.namespace AND entries = 0 AND namespace <> '';
    END""",
)

_FIND = """
    SELECT e.id, e.created, e.expires, e.used, b.mac, b.tags, b.payload FROM entries e JOIN bodies b ON b.entry = e.id
    WHERE e.namespace = ? AND e.digest = ? AND b.proof = ? ORDER BY e.id DESC LIMIT 1"""
_SAME = """
    SELECT e.id FROM entries e JOIN bodies b ON b.entry = e.id WHERE e.namespace = ? AND e.digest = ? AND b.proof = ?"""
_COUNT = "SELECT namespace, COUNT(*), SUM(size) FROM entries INDEXED BY entries_by_key GROUP BY namespace"


class Found(NamedTuple):
    """A row as it lies there. ``entry`` is None if its seal does not fit."""

    id: int
    used: float
    entry: Entry | None


def _parts(
    space: str, digest: bytes, proof: bytes, created: float, expires: float, tags: bytes, payload: bytes
) -> tuple[bytes, ...]:
    return (SEALED_AS, space.encode(), digest, proof, struct.pack(">dd", created, expires), tags, payload)


def find(connection: sqlite3.Connection, secret: bytes, key: ExactKey) -> Found | None:
    """The row of exactly this key, whether or not it has expired."""
    space = key.namespace.id
    row = connection.execute(_FIND, (space, key.digest, key.proof)).fetchone()
    if row is None:
        return None
    id_, created, expires, used, mac, tags, payload = row
    # A damaged row may hold any type in any column.
    whole = type(created) is type(expires) is float and type(mac) is type(tags) is type(payload) is bytes
    if not whole or not check(secret, _parts(space, key.digest, key.proof, created, expires, tags, payload), mac):
        return Found(id_, 0.0, None)
    return Found(id_, used, Entry(payload, created, expires, tuple(json.loads(tags)) if tags else ()))


def insert(connection: sqlite3.Connection, secret: bytes, key: ExactKey, entry: Entry, now: float) -> None:
    """Write an entry in place of what its key had."""
    space = key.namespace.id
    tags = json.dumps(entry.tags).encode() if entry.tags else b""
    mac = seal(secret, _parts(space, key.digest, key.proof, entry.created, entry.expires, tags, entry.payload))
    drop_same(connection, space, key.digest, key.proof)
    row = (space, key.digest, weight(key.proof, entry), entry.created, entry.expires, now)
    id_ = connection.execute(
        "INSERT INTO entries (namespace, digest, size, created, expires, used) VALUES (?, ?, ?, ?, ?, ?)", row
    ).lastrowid
    connection.execute("INSERT INTO bodies VALUES (?, ?, ?, ?, ?)", (id_, mac, tags, key.proof, entry.payload))
    for tag in entry.tags:
        connection.execute("INSERT OR IGNORE INTO tags VALUES (?, ?, ?)", (space, tag_bytes(tag), id_))


def drop_same(connection: sqlite3.Connection, space: str, digest: bytes, proof: bytes) -> int:
    """Delete what this key has."""
    return connection.execute(f"DELETE FROM entries WHERE id IN ({_SAME})", (space, digest, proof)).rowcount  # noqa: S608


def drop(connection: sqlite3.Connection, space: str, digest: bytes | None, tag: str | None) -> int:
    """Delete a namespace's entries with this digest, or with this tag, or all; say how many."""
    if digest is not None:
        return connection.execute("DELETE FROM entries WHERE namespace = ? AND digest = ?", (space, digest)).rowcount
    if tag is not None:
        return connection.execute(
            "DELETE FROM entries WHERE id IN (SELECT entry FROM tags WHERE namespace = ? AND tag = ?)",
            (space, tag_bytes(tag)),
        ).rowcount
    return connection.execute("DELETE FROM entries WHERE namespace = ?", (space,)).rowcount


def purge(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Delete rows whose seal did not fit."""
    connection.executemany("DELETE FROM entries WHERE id = ?", [(id_,) for id_ in ids])


def touch(connection: sqlite3.Connection, used: Mapping[int, float]) -> None:
    """Note when entries were last used: id -> seconds since 1970."""
    connection.executemany("UPDATE entries SET used = ? WHERE id = ?", [(at, id_) for id_, at in used.items()])


def touch_keys(connection: sqlite3.Connection, used: Iterable[tuple[ExactKey, float]]) -> None:
    """The same by key."""
    connection.executemany(
        f"UPDATE entries SET used = ? WHERE id IN ({_SAME})",  # noqa: S608  no values in it
        [(at, key.namespace.id, key.digest, key.proof) for key, at in used],
    )


def expire(connection: sqlite3.Connection, now: float, most: int) -> None:
    """Delete up to ``most`` expired entries."""
    connection.execute(
        "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE expires <= ? LIMIT ?)", (now, most)
    )


def trim(connection: sqlite3.Connection, max_bytes: int, now: float) -> None:
    """Get within the bound: the expired first, then the least recently used."""
    if held(connection).bytes > max_bytes:
        expire(connection, now, -1)
    while (over := held(connection).bytes - max_bytes) > 0:
        doomed = []
        for id_, size in connection.execute("SELECT id, size FROM entries ORDER BY used, id LIMIT 500").fetchall():
            if over <= 0:
                break
            doomed.append(id_)
            over -= size
        if not doomed:
            break  # the accounts are wrong; they are set right after the next start
        purge(connection, doomed)


def forget_future(connection: sqlite3.Connection, now: float) -> None:
    """The clock was set back: what was created later than ``now`` can no longer be aged. Reads the whole table."""
    connection.execute("DELETE FROM entries WHERE created > ?", (now,))


def held(connection: sqlite3.Connection, space: str = "") -> Accounting:
    row = connection.execute("SELECT entries, bytes FROM accounts WHERE namespace = ?", (space,)).fetchone()
    return Accounting(*row) if row else Accounting(0, 0)


def mend(connection: sqlite3.Connection) -> None:
    """Count the entries again, from an index alone, and set the accounts right if damage skewed them."""
    counted = {space: (entries, size) for space, entries, size in connection.execute(_COUNT)}
    counted[""] = (sum(n for n, _ in counted.values()), sum(size for _, size in counted.values()))
    kept = {space: (entries, size) for space, entries, size in connection.execute("SELECT * FROM accounts")}
    if counted != kept:
        connection.execute("DELETE FROM accounts")
        connection.executemany("INSERT INTO accounts VALUES (?, ?, ?)", [(s, *n) for s, n in counted.items()])


def verify(connection: sqlite3.Connection, secret: bytes, max_bytes: int) -> None:
    """Raise Bug if an invariant of the tables does not hold. Reads everything."""
    problems = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    problems += [f"a {row[0]} without its entry" for row in connection.execute("PRAGMA foreign_key_check")]
    counted = {space: (n, size) for space, n, size in connection.execute(_COUNT)}
    counted[""] = (sum(n for n, _ in counted.values()), sum(size for _, size in counted.values()))
    if counted != {space: (n, size) for space, n, size in connection.execute("SELECT * FROM accounts")}:
        problems.append("the accounts do not fit the entries")
    if counted[""][1] > max_bytes:
        problems.append("it holds more than its bound")
    problems += _verify_rows(connection, secret)
    if problems:
        raise Bug(f"The store of answers is not sound: {'; '.join(problems)}.")


def _verify_rows(connection: sqlite3.Connection, secret: bytes) -> list[str]:
    problems, seen = [], set()
    query = """SELECT id, namespace, digest, size, created, expires, mac, tags, proof, payload
               FROM entries LEFT JOIN bodies ON entry = id"""
    for id_, space, digest, size, created, expires, mac, tags, proof, payload in connection.execute(query).fetchall():
        entry = Entry(payload, created, expires, tuple(json.loads(tags)) if tags else ())
        indexed = {row[0] for row in connection.execute("SELECT tag FROM tags WHERE entry = ?", (id_,))}
        sound = (
            check(secret, _parts(space, digest, proof, created, expires, tags, payload), mac)
            and size == weight(proof, entry)
            and indexed == {tag_bytes(tag) for tag in entry.tags}
            and (space, digest, proof) not in seen
            and alive(entry, created)
        )
        seen.add((space, digest, proof))
        if not sound:
            problems.append(f"entry {id_} does not fit itself")
    return problems


SCHEMA = Schema(APPLICATION, (VERSION_1,))
