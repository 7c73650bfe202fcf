"""What processes that share a file tell each other through it. Functions of a connection.

changes   one row for each put and each drop, in order: what the others must forget from their memory
drops     when each namespace last dropped entries, so that an answer begun before that does not come back
clock     how far the ``Timeline`` of all is ahead of the machine's clock, and how far it has come; sealed

The log of changes keeps the newest KEPT rows. Who was away for longer has missed some, sees that from their numbers,
and forgets everything.
"""

from __future__ import annotations

import math
import sqlite3
import struct
from collections.abc import Sequence
from typing import NamedTuple

from everwarm.core.seal import check, seal
from everwarm.store import bulk
from everwarm.store.rules import tag_bytes
from everwarm.store.timeline import Timeline

KEPT = 4_000
NOBODY = 0  # the writer of changes that concern the process itself too
DROPS_SECONDS = 86_400.0  # no answer takes longer than that


NEVER = (0.0, -math.inf)
"""A clock that was never written down."""


class Change(NamedTuple):
    """Of a namespace's entries: those with this digest, or with this tag, or (neither) all."""

    namespace: str
    digest: bytes | None
    tag: str | None


class Seen(NamedTuple):
    """How far the log was read, and of which file. ``Seen()``: nothing yet."""

    file: int = 0
    last: int = -1


class News(NamedTuple):
    """What others changed. None: it cannot be told, anything may have changed."""

    seen: Seen
    changes: list[Change] | None


def note(
    connection: sqlite3.Connection, writer: int, namespace: str, digest: bytes | None, tag: str | None = None
) -> None:
    """Tell the other processes."""
    row = (writer, namespace, digest, None if tag is None else tag_bytes(tag))
    connection.execute("INSERT INTO changes (writer, namespace, digest, tag) VALUES (?, ?, ?, ?)", row)


def note_puts(connection: sqlite3.Connection, puts: Sequence[tuple[int, str, bytes]]) -> None:
    """The same of entries that were put: writer, namespace and digest of each."""
    bulk.insert(connection, "changes (writer, namespace, digest)", puts)


def note_drop(connection: sqlite3.Connection, namespace: str, at: float) -> None:
    """The namespace dropped something."""
    connection.execute("INSERT OR REPLACE INTO drops VALUES (?, ?)", (namespace, at))


def dropped(connection: sqlite3.Connection, namespace: str) -> float | None:
    """When the namespace dropped something last, if that is known still."""
    row = connection.execute("SELECT at FROM drops WHERE namespace = ?", (namespace,)).fetchone()
    return row[0] if row and type(row[0]) is float else None


def prune(connection: sqlite3.Connection) -> None:
    """Forget the changes that everybody has seen by now."""
    connection.execute("DELETE FROM changes WHERE id <= (SELECT MAX(id) FROM changes) - ?", (KEPT,))


def prune_drops(connection: sqlite3.Connection, at: float) -> None:
    """Forget the drops before which no answer can have been begun that is still under way."""
    connection.execute("DELETE FROM drops WHERE at < ?", (at - DROPS_SECONDS,))


def since(connection: sqlite3.Connection, seen: Seen, writer: int) -> News:
    """What others than ``writer`` changed since ``seen``."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'file'").fetchone()
    file = row[0] if row else 0
    if seen.file != file:
        last = connection.execute("SELECT MAX(id) FROM changes").fetchone()[0]
        return News(Seen(file, last or 0), None)
    rows = connection.execute(
        "SELECT id, writer, namespace, digest, tag FROM changes WHERE id >= ? ORDER BY id", (seen.last,)
    ).fetchall()
    now = Seen(file, rows[-1][0] if rows else 0)
    if (rows[0][0] if rows else 0) != seen.last and (seen.last or rows[0][0] != 1):
        return News(now, None)  # the row that we saw last is gone, and what came after it perhaps too
    others = (row[2:] for row in rows if row[0] > seen.last and row[1] != writer)
    try:
        return News(now, [Change(name, digest, _tag(tag)) for name, digest, tag in others])
    except (AttributeError, UnicodeDecodeError):  # a damaged tag
        return News(now, None)


def _tag(tag: bytes | None) -> str | None:
    return None if tag is None else tag.decode("utf-8", "surrogatepass")


def read_clock(connection: sqlite3.Connection, secret: bytes) -> tuple[float, float]:
    """How far the line of all is ahead of the clock, and how far it had come when this was written; NEVER, too, if it
    is damaged."""
    row = connection.execute("SELECT ahead, latest, mac FROM clock WHERE id = 1").fetchone()
    if row is None or not type(row[0]) is type(row[1]) is float or type(row[2]) is not bytes:
        return NEVER
    ahead, latest, mac = row
    return (ahead, latest) if check(secret, _clock_parts(ahead, latest), mac) else NEVER


def keep_clock(connection: sqlite3.Connection, secret: bytes, timeline: Timeline) -> None:
    """In a transaction: learn how far ahead the others are, and write down where we are together."""
    ahead, latest = read_clock(connection, secret)
    timeline.adopt(ahead)
    row = (timeline.ahead, max(latest, timeline.latest))
    connection.execute("INSERT OR REPLACE INTO clock VALUES (1, ?, ?, ?)", (*row, seal(secret, _clock_parts(*row))))


def _clock_parts(ahead: float, latest: float) -> tuple[bytes, bytes]:
    return b"clock 1", struct.pack(">dd", ahead, latest)
