"""Logs as their readers see them, and prompts as a row of records tells them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from everwarm.analyze.formats.format import Format
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.block import Block


class Lines:
    """A file that was read before."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self._data = data

    def head(self) -> bytes:
        """The beginning."""
        return self._data

    def pieces(self) -> Iterator[bytes]:
        """In pieces."""
        return iter([self._data])

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Numbers from 1, without empty lines."""
        return ((number, line) for number, line in enumerate(self._data.split(b"\n"), 1) if line)

    def whole(self) -> bytes:
        """All of it."""
        return self._data


def told(reader: Format, entries: Iterable[Any], name: str = "log.jsonl") -> list[Record | Unread]:
    """What a reader makes of these values, one a line; bytes are lines as they are."""
    lines = (entry if isinstance(entry, bytes) else orjson.dumps(entry) for entry in entries)
    return list(reader.read(Lines(name, b"\n".join(lines))))


def calls(reader: Format, entries: Iterable[Any], name: str = "log.jsonl") -> list[Record]:
    """The same, where every line can be read."""
    found = told(reader, entries, name)
    assert not [one for one in found if isinstance(one, Unread)]
    return [one for one in found if isinstance(one, Record)]


def prompts(records: Iterable[Record | Unread]) -> list[list[Block]]:
    """Each record's prompt, whole again."""
    rows: list[list[Block]] = []
    for record in records:
        if isinstance(record, Record):
            assert record.blocks is not None
            before = rows[-1] if rows else []
            assert record.keeps <= len(before)
            rows.append([*before[: record.keeps], *record.blocks])
    return rows


def texts(records: Iterable[Record | Unread]) -> list[str]:
    """Each record's prompt, as one text."""
    return ["".join(block.text for block in row) for row in prompts(records)]
