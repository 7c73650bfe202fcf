"""Everwarm's own ledger: a row a request, with tokens and no prompts. Source: ``everwarm.ledger``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import quote

from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.reading.providers import provider_of
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.call import Line, Place
from everwarm.core.usage import Usage
from everwarm.ledger.record import APPLICATION, Row

_MAGIC: Final = b"SQLite format 3\0"
_ID: Final = slice(68, 72)
"""Where SQLite keeps the application's id in the head of a file."""

_TABLE: Final = b"CREATE "
"""How the description of a table begins, in the head of a file that has any."""

_NO_CALLS: Final = "openai_embeddings"
"""The dialect that asks no model for text."""

_ASKED: Final = ("miss", "bypass")
"""What ``cache`` says where a model was asked; else nothing was computed, and no prompt cache was read."""


class Ledger:
    """See ``format.Format``. Reads the file by its name, and leaves it as it is, also while a gateway writes it."""

    name = "Everwarm ledger"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        data = b"\n".join(head)
        if not data.startswith(_MAGIC):
            return 0.0
        if data[_ID] == APPLICATION.to_bytes(4, "big"):
            return 1.0
        # A new one, of which all is still in the log beside it, says nothing yet, and has no tables here.
        return 0.0 if any(data[_ID]) or _TABLE in data else 0.3

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        if not Path(lines.name).is_file():
            yield Unread(Place(lines.name, 0), "a ledger is read from a file, and not from standard input")
            return
        source = f"file:{quote(str(Path(lines.name).resolve()))}?mode=ro"
        try:
            with closing(sqlite3.connect(source, uri=True)) as connection:
                if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
                    yield Unread(Place(lines.name, 0), "it is a database of another program")
                    return
                found = connection.execute(f"SELECT id, {', '.join(Row._fields)} FROM rows ORDER BY id")  # noqa: S608
                for number, *row in found:
                    place = Place(lines.name, number)
                    yield _call(place, Row(*row)) if _whole(row) else Unread(place, "the row is damaged")
        except sqlite3.Error as e:
            yield Unread(Place(lines.name, 0), f"the ledger cannot be read: {e}")


FORMAT: Final[Format] = Ledger()


def _whole(row: list[object]) -> bool:
    """Whether the values are of the kinds that we write: SQLite checks none."""
    kinds = (float, str, str, str, int, str, str, int, int, int, int, int, int, float, float, float, float, str)
    return len(row) == len(kinds) and all(type(value) is kind for value, kind in zip(row, kinds, strict=True))


def _call(place: Place, row: Row) -> Record | Unread:
    if row.dialect == _NO_CALLS:
        return Unread(place, "it asked for embeddings, of which no prompt cache has any")
    asked = row.cache in _ASKED
    read = min(max(row.prefix_cached, 0), row.prompt) if asked else 0
    usage = Usage(max(row.prompt, 0) - read, read, max(row.output, 0))
    failed = row.status >= 400
    return Record(
        place,
        Line(_provider(row), row.model, row.namespace),
        at=row.at,
        began=row.at + row.ttft_ms / 1000 if row.ttft_ms > 0 else None,
        ended=row.at + row.total_ms / 1000,
        usage=usage if asked and not failed and usage.total else None,  # an upstream that told none, or a broken call
        failed=failed,
    )


def _provider(row: Row) -> str:
    """The model inside is nobody's: it caches by no provider's rules."""
    return "" if row.via == "engine" else provider_of(row.model, dialect=row.dialect)
