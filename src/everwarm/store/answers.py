"""The tables of stored answers, and the statements that find, write and delete them. Functions of a connection.

spaces    what each namespace holds, and id 0 for all; kept by triggers in the same transaction   (spaces.py)
entries   what is looked up, counted and evicted: small rows, many to a page
bodies    proof, payload and seal of an entry; apart, so that touching or counting an entry reads no payload
tags      (space, tag) -> entry
changes   what other processes must forget from their memory, in order; drops, clock              (changes.py)

Times are on the store's ``Timeline``.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from everwarm.core.key import ExactKey
from everwarm.core.seal import check, seal
from everwarm.store import bulk
from everwarm.store.file import Schema
from everwarm.store.protocol import Entry
from everwarm.store.rules import tag_bytes, weight

APPLICATION = 0x45764131  # "EvA1"
SEALED_AS = b"answer 1"  # first part of every seal; changes with what is sealed

PAGE_BYTES = 1024
"""An answer of a few kilobytes spans several pages, and only its last one is partly empty. With pages of 4096 bytes, a
row of 2.3 kB takes a whole one: 1.8 times its size (measured: ``benchmarks/entries.py``)."""

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

VERSION_2 = (  # all is dropped: answers of that time have another form (EWA1), and nothing could read them
    "DROP TABLE tags",
    "DROP TABLE bodies",
    "DROP TABLE entries",
    "DROP TABLE accounts",
    """CREATE TABLE spaces (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, entries INTEGER NOT NULL, bytes INTEGER NOT NULL)""",
    "CREATE INDEX spaces_by_bytes ON spaces (bytes)",
    "INSERT INTO spaces VALUES (0, '', 0, 0)",
    # AUTOINCREMENT: an id that one process noted never comes to mean another entry.
    """CREATE TABLE entries (
        id INTEGER PRIMARY KEY AUTOINCREMENT, space INTEGER NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,
        created REAL NOT NULL, expires REAL NOT NULL, used REAL NOT NULL)""",
    "CREATE INDEX entries_by_key ON entries (space, digest, size)",
    "CREATE INDEX entries_by_expiry ON entries (expires)",
    "CREATE INDEX entries_by_use ON entries (space, used)",
    """CREATE TABLE bodies (
        entry INTEGER PRIMARY KEY REFERENCES entries ON DELETE CASCADE,
        mac BLOB NOT NULL, tags BLOB NOT NULL, proof BLOB NOT NULL, payload BLOB NOT NULL)""",
    """CREATE TABLE tags (
        space INTEGER NOT NULL, tag BLOB NOT NULL, entry INTEGER NOT NULL REFERENCES entries ON DELETE CASCADE,
        PRIMARY KEY (space, tag, entry)) WITHOUT ROWID""",
    "CREATE INDEX tags_by_entry ON tags (entry)",
    """CREATE TRIGGER entry_came AFTER INSERT ON entries BEGIN
        UPDATE spaces SET entries = entries + 1, bytes = bytes + new.size WHERE id IN (0, new.space);
    END""",
    """CREATE TRIGGER entry_went AFTER DELETE ON entries BEGIN
        UPDATE spaces SET entries = entries - 1, bytes = bytes - old.size WHERE id IN (0, old.space);
        DELETE FROM spaces WHERE id = old.space AND entries = 0 AND id <> 0;
    END""",
    """CREATE TABLE changes (
        id INTEGER PRIMARY KEY, writer INTEGER NOT NULL, namespace TEXT NOT NULL, digest BLOB, tag BLOB)""",
    "CREATE TABLE drops (namespace TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID",
    "CREATE TABLE clock (id INTEGER PRIMARY KEY, ahead REAL NOT NULL, latest REAL NOT NULL, mac BLOB NOT NULL)",
    "INSERT INTO meta VALUES ('file', random())",  # tells this file from the next one at the same path
)

SCHEMA = Schema(APPLICATION, (VERSION_1, VERSION_2))

_LAST = """
    SELECT MAX(IFNULL((SELECT seq FROM sqlite_sequence WHERE name = 'entries'), 0), IFNULL(MAX(id), 0)) FROM entries"""
"""The id after which new ones come: none that was ever given is given again."""
_SPACE = "(SELECT id FROM spaces WHERE name = ?)"
_FIND = f"""
    SELECT e.id, e.created, e.expires, e.used, b.mac, b.tags, b.payload FROM entries e JOIN bodies b ON b.entry = e.id
    WHERE e.space = {_SPACE} AND e.digest = ? AND b.proof = ? ORDER BY e.id DESC LIMIT 1"""  # noqa: S608
_SAME = f"""
    SELECT e.id FROM entries e JOIN bodies b ON b.entry = e.id
    WHERE e.space = {_SPACE} AND e.digest = ? AND b.proof = ?"""  # noqa: S608
_NEWER = f"""
    SELECT 1 FROM entries e JOIN bodies b ON b.entry = e.id
    WHERE e.space = {_SPACE} AND e.digest = ? AND b.proof = ? AND e.created > ?"""  # noqa: S608


class New(NamedTuple):
    """An entry to be written. ``used``: when it was last."""

    key: ExactKey
    entry: Entry
    used: float


class Found(NamedTuple):
    """A row as it lies there. ``entry`` is None if its seal does not fit."""

    id: int
    used: float
    entry: Entry | None


def sealed_parts(
    space: str, digest: bytes, proof: bytes, created: float, expires: float, tags: bytes, payload: bytes
) -> tuple[bytes, ...]:
    """What the seal of an entry is of."""
    return (SEALED_AS, space.encode(), digest, proof, struct.pack(">dd", created, expires), tags, payload)


def digests(connection: sqlite3.Connection) -> Iterator[bytes]:
    """Those of all entries, one by one."""
    return (bytes(row[0]) for row in connection.execute("SELECT digest FROM entries"))


def find(connection: sqlite3.Connection, secret: bytes, key: ExactKey) -> Found | None:
    """The row of exactly this key, whether or not it has expired."""
    space = key.namespace.id
    row = connection.execute(_FIND, (space, key.digest, key.proof)).fetchone()
    if row is None:
        return None
    id_, created, expires, used, mac, tags, payload = row
    # A damaged row may hold any type in any column.
    whole = type(created) is type(expires) is float and type(mac) is type(tags) is type(payload) is bytes
    if not whole or not check(secret, sealed_parts(space, key.digest, key.proof, created, expires, tags, payload), mac):
        return Found(id_, 0.0, None)
    return Found(id_, used, Entry(payload, created, expires, tuple(json.loads(tags)) if tags else ()))


def insert(connection: sqlite3.Connection, secret: bytes, new: Sequence[New]) -> None:
    """Write entries whose keys have none, each key once."""
    numbers = {space: space_number(connection, space) for space in {n.key.namespace.id for n in new}}
    (last,) = connection.execute(_LAST).fetchone()
    entries, bodies = [], []
    tags: list[tuple[int, bytes, int]] = []
    for id_, (key, entry, used) in enumerate(new, last + 1):
        labels = json.dumps(entry.tags).encode() if entry.tags else b""
        space = key.namespace.id
        parts = sealed_parts(space, key.digest, key.proof, entry.created, entry.expires, labels, entry.payload)
        size = weight(key.proof, entry)
        entries.append((id_, numbers[space], key.digest, size, entry.created, entry.expires, used))
        bodies.append((id_, seal(secret, parts), labels, key.proof, entry.payload))
        tags += ((numbers[space], tag, id_) for tag in dict.fromkeys(map(tag_bytes, entry.tags)))
    bulk.insert(connection, "entries", entries)
    bulk.insert(connection, "bodies", bodies)
    bulk.insert(connection, "tags", tags)


def space_number(connection: sqlite3.Connection, space: str) -> int:
    """The number of a namespace; it gets one if it has none."""
    connection.execute("INSERT OR IGNORE INTO spaces (name, entries, bytes) VALUES (?, 0, 0)", (space,))
    number: int = connection.execute("SELECT id FROM spaces WHERE name = ?", (space,)).fetchone()[0]
    return number


def has_newer(connection: sqlite3.Connection, key: ExactKey, than: float) -> bool:
    """Whether the key has an entry that was made later."""
    row = (key.namespace.id, key.digest, key.proof, than)
    return connection.execute(_NEWER, row).fetchone() is not None


def drop_same(connection: sqlite3.Connection, space: str, digest: bytes, proof: bytes) -> int:
    """Delete what this key has."""
    return connection.execute(f"DELETE FROM entries WHERE id IN ({_SAME})", (space, digest, proof)).rowcount  # noqa: S608


def drop(connection: sqlite3.Connection, space: str, digest: bytes | None, tag: str | None) -> int:
    """Delete a namespace's entries with this digest, or with this tag, or all; say how many."""
    if digest is not None:
        statement, values = f"DELETE FROM entries WHERE space = {_SPACE} AND digest = ?", (space, digest)  # noqa: S608
    elif tag is not None:
        tagged = f"SELECT entry FROM tags WHERE space = {_SPACE} AND tag = ?"  # noqa: S608
        statement, values = f"DELETE FROM entries WHERE id IN ({tagged})", (space, tag_bytes(tag))  # noqa: S608
    else:
        return connection.execute(f"DELETE FROM entries WHERE space = {_SPACE}", (space,)).rowcount  # noqa: S608
    return connection.execute(statement, values).rowcount


def purge(connection: sqlite3.Connection, ids: Iterable[int]) -> None:
    """Delete entries by id."""
    connection.executemany("DELETE FROM entries WHERE id = ?", [(id_,) for id_ in ids])


def touch(connection: sqlite3.Connection, used: Mapping[int, float]) -> None:
    """Note when entries were last used, by id."""
    connection.executemany("UPDATE entries SET used = ? WHERE id = ?", [(at, id_) for id_, at in used.items()])


def touch_keys(connection: sqlite3.Connection, used: Iterable[tuple[ExactKey, float]]) -> None:
    """The same by key."""
    connection.executemany(
        f"UPDATE entries SET used = ? WHERE id IN ({_SAME})",  # noqa: S608  no values in it
        [(at, key.namespace.id, key.digest, key.proof) for key, at in used],
    )


def expire(connection: sqlite3.Connection, at: float, most: int) -> None:
    """Delete up to ``most`` expired entries; -1: all."""
    connection.execute(
        "DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE expires <= ? LIMIT ?)", (at, most)
    )
