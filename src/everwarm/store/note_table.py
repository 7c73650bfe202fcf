"""The table of the layout engine's notes, and every statement on it. Functions of a connection; no state.

notes    a note each, with its seal; ``used`` is the number of the last write that knew of a use of it
drops    which namespaces were dropped, in order, so that the other processes forget them too
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, NamedTuple

from everwarm.core.layout.notes import NoteKind, Place
from everwarm.core.seal import check, seal
from everwarm.store.file import Schema, used_bytes

APPLICATION: Final = 0x45764E31  # "EvN1"
SEALED_AS: Final = b"note 1"  # first part of every seal; changes with what is sealed

VERSION_1 = (
    """CREATE TABLE notes (
        id INTEGER PRIMARY KEY, space TEXT NOT NULL, kind TEXT NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL,
        mac BLOB NOT NULL, used INTEGER NOT NULL)""",
    "CREATE UNIQUE INDEX notes_by_name ON notes (space, kind, name)",
    "CREATE INDEX notes_by_use ON notes (space, used)",
    "CREATE TABLE drops (space TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO meta VALUES ('uses', 0)",
)
SCHEMA = Schema(APPLICATION, (VERSION_1,))

_HERE = "space = ? AND kind = ? AND name = ?"
_INSERT = "INSERT INTO notes (space, kind, name, value, mac, used) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT"


class Found(NamedTuple):
    """A row. ``value``: None if its seal does not fit."""

    id: int
    value: bytes | None


def find(connection: sqlite3.Connection, secret: bytes, place: Place) -> Found | None:
    """The note at this place."""
    row = connection.execute(f"SELECT id, value, mac FROM notes WHERE {_HERE}", place).fetchone()  # noqa: S608
    return None if row is None else Found(row[0], _whole(secret, place, row[1], row[2]))


def find_all(connection: sqlite3.Connection, secret: bytes, space: str, kind: NoteKind) -> dict[bytes, bytes]:
    """All notes of one kind by name, without those whose seals do not fit."""
    rows = connection.execute("SELECT name, value, mac FROM notes WHERE space = ? AND kind = ?", (space, kind))
    whole = ((name, _whole(secret, (space, kind, name), value, mac)) for name, value, mac in rows.fetchall())
    return {name: value for name, value in whole if value is not None}


def find_everywhere(connection: sqlite3.Connection, secret: bytes, kind: NoteKind, name: bytes) -> dict[str, bytes]:
    """The notes of this kind and name by namespace, without those whose seals do not fit."""
    rows = connection.execute("SELECT space, value, mac FROM notes WHERE kind = ? AND name = ?", (kind, name))
    whole = ((space, _whole(secret, (space, kind, name), value, mac)) for space, value, mac in rows.fetchall())
    return {space: value for space, value in whole if value is not None}


def places(connection: sqlite3.Connection) -> Iterable[Place]:
    """Where there are notes."""
    return connection.execute("SELECT space, kind, name FROM notes")


def digest(place: Place) -> bytes:
    """Stands for a place, for who wants to know without the disk whether anything is there."""
    space, kind, name = place
    return blake2b(name, digest_size=16, key=f"{space} {kind}".encode()[:64]).digest()


def keep(connection: sqlite3.Connection, secret: bytes, place: Place, value: bytes, use: int) -> bytes:
    """Write it unless a whole one is there; what is there then."""
    connection.execute(f"{_INSERT} DO NOTHING", _row(secret, place, value, use))
    found = find(connection, secret, place)
    if found is not None and found.value is not None:
        return found.value
    put(connection, secret, place, value, use)
    return value


def put(connection: sqlite3.Connection, secret: bytes, place: Place, value: bytes, use: int) -> None:
    """Write it in place of what is there."""
    update = "DO UPDATE SET value = excluded.value, mac = excluded.mac, used = excluded.used"
    connection.execute(f"{_INSERT} (space, kind, name) {update}", _row(secret, place, value, use))


def touch(connection: sqlite3.Connection, used: Iterable[Place], use: int) -> None:
    """Note that these were used."""
    connection.executemany(f"UPDATE notes SET used = ? WHERE {_HERE}", [(use, *place) for place in used])  # noqa: S608


def purge(connection: sqlite3.Connection, id_: int) -> None:
    """Delete one row."""
    connection.execute("DELETE FROM notes WHERE id = ?", (id_,))


def drop(connection: sqlite3.Connection, space: str, use: int) -> None:
    """Delete a namespace's notes, and tell the other processes."""
    connection.execute("DELETE FROM notes WHERE space = ?", (space,))
    connection.execute("INSERT OR REPLACE INTO drops VALUES (?, ?)", (space, use))


def dropped(connection: sqlite3.Connection, after: int) -> tuple[int, list[str]]:
    """The number of the last write, and the namespaces that were dropped by a later one than ``after``. In a file that
    was begun anew meanwhile the numbers are smaller: then all of them."""
    last = _last_use(connection)
    since = after if after <= last else 0
    rows = connection.execute("SELECT space FROM drops WHERE number > ? ORDER BY number", (since,)).fetchall()
    return last, [space for (space,) in rows]


def next_use(connection: sqlite3.Connection) -> int:
    """The number of this write: larger than that of any before it."""
    connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'uses'")
    return _last_use(connection)


def prune(connection: sqlite3.Connection, max_bytes: int) -> None:
    """While more of the file is used than ``max_bytes``, a twentieth of the notes goes of the namespace that holds
    most, those used longest ago first: whoever fills the file pushes out what is their own (promise s07)."""
    while used_bytes(connection) > max_bytes:
        most = connection.execute(
            "SELECT space, COUNT(*) FROM notes GROUP BY space "
            "ORDER BY SUM(length(name) + length(value)) DESC, space LIMIT 1"
        ).fetchone()
        if most is None:
            break  # even empty it is larger than the bound
        connection.execute(
            "DELETE FROM notes WHERE id IN (SELECT id FROM notes WHERE space = ? ORDER BY used, id LIMIT ?)",
            (most[0], 1 + most[1] // 20),
        )


def _last_use(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT value FROM meta WHERE key = 'uses'").fetchone()[0])


def _row(secret: bytes, place: Place, value: bytes, use: int) -> tuple[str, str, bytes, bytes, bytes, int]:
    return *place, value, seal(secret, _parts(place, value)), use


def _whole(secret: bytes, place: Place, value: object, mac: object) -> bytes | None:
    """The value, if it is what we wrote."""
    if type(value) is not bytes or type(mac) is not bytes or type(place[2]) is not bytes:
        return None
    return value if check(secret, _parts(place, value), mac) else None


def _parts(place: Place, value: bytes) -> tuple[bytes, ...]:
    space, kind, name = place
    return SEALED_AS, space.encode(), kind.encode(), name, value
