"""The database of opencode, ``~/.local/share/opencode/opencode.db``, in which its versions since 1.2 keep sessions.

Source: stuartsessions/git-ai, ``tests/fixtures/opencode-sqlite/schema.sql``. A row of ``message`` or ``part`` has as
``data`` what was a file before, without its ids. It is only read, and may be in use.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import orjson

from everwarm.analyze.formats.entries import text, unread
from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.formats.opencode import Session
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.wire import Json

_MAGIC: Final = b"SQLite format 3\0"
_MARKS: Final = (b"message_id", b"session_id", b"time_created")


class OpenCodeDatabase:
    """The format."""

    name = "opencode database"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        """By the columns of its tables, which stand at the beginning."""
        start = b"\n".join(head)
        if not start.startswith(_MAGIC):
            return 0.0
        return 0.9 if all(mark in start for mark in _MARKS) or Path(name).name.startswith("opencode") else 0.0

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        """A record for each call, session after session."""
        path = Path(lines.name)
        if not path.is_file() or not _is_plain(path):
            yield unread(lines.name, 0, "it is a database, which is read from its file only: unpack it", b"")
            return
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
                database.text_factory = bytes
                yield from _calls(lines.name, database)
        except sqlite3.Error as error:
            yield unread(lines.name, 0, f"the database cannot be read: {error}", b"")


def _is_plain(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def _calls(file: str, database: sqlite3.Connection) -> Iterator[Record | Unread]:
    calls = 0
    for session in _sessions(database):
        for found in Session(file, session).read(_messages(file, database, text(session, "id"))):
            if isinstance(found, Record):
                calls += 1
                found.place = found.place._replace(line=calls)
            yield found


def _sessions(database: sqlite3.Connection) -> list[dict[str, Json]]:
    """As their files had them, as far as it matters."""
    rows = database.execute("SELECT id, directory, version FROM session ORDER BY time_created, id").fetchall()
    return [dict(zip(("id", "directory", "version"), map(_plain, row), strict=True)) for row in rows]


def _messages(file: str, database: sqlite3.Connection, session: str) -> Iterator[dict[str, Json] | Unread]:
    rows = database.execute("SELECT id, data FROM message WHERE session_id = ? ORDER BY time_created, id", (session,))
    for name, data in rows.fetchall():
        info = _value(name, data)
        if info is None:
            yield unread(file, 0, f"the message {_plain(name)} is no JSON object", data)
            continue
        parts = database.execute("SELECT id, data FROM part WHERE message_id = ? ORDER BY id", (_plain(name),))
        found = (_value(*row) for row in parts.fetchall())
        yield {"info": {**info, "sessionID": session}, "parts": [each for each in found if each is not None]}


def _value(name: bytes, data: bytes) -> dict[str, Json] | None:
    """With its id; None if it cannot be read."""
    try:
        value = orjson.loads(data)
    except (orjson.JSONDecodeError, TypeError):
        return None
    return {**value, "id": _plain(name)} if type(value) is dict else None


def _plain(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


FORMAT: Final[Format] = OpenCodeDatabase()
