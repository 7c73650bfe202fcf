"""JSON lines that say again what lines before them said: a request repeats all of its conversation, and its tools.

An array whose text begins with all of an earlier one's is that one with more items; so a mark is put in the place of
what is known, and only the rest is parsed. Nothing is guessed: the earlier text was compared with its items' JSON, byte
by byte, and if the mark is not found where an array of this name begins, all of the line is parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from secrets import token_hex
from typing import Final, TypeGuard

import orjson

from everwarm.analyze.formats.begun import KEPT, Begun
from everwarm.core.analysis.row import Row
from everwarm.core.wire import Json

MEMBERS: Final = ((b"messages", b"input"), (b"tools",))
"""A body has one of the first, and tools."""

_LEAST: Final = 256
"""Bytes of an array for which it pays."""

_TRIALS: Final = 32
"""Arrays in a row that are spelled as none is that can be known again; then it is left."""

_VAIN: Final = 2 * KEPT
"""Arrays in a row of which nothing was known, as where a clock is in each. Then one in ``_SELDOM`` is remembered."""

_SELDOM: Final = 8

_ENDS: Final = (b",", b"]")
"""What may stand behind an item."""

_OPENING: Final = re.compile(rb'"\s*:\s*\[')
_DEEP: Final = 3
"""Objects around the body."""

_MARK: Final = token_hex(16)
"""An item that no log has."""

_QUOTED: Final = orjson.dumps(_MARK)


class Again:
    """Reads line after line."""

    def __init__(self) -> None:
        self._members = [[_Member(name) for name in names] for names in MEMBERS]

    def loads(self, line: bytes) -> Json:
        """As ``orjson.loads``, with the same errors; arrays of ``MEMBERS`` may be ``Row``s. Not to be changed: lines
        share what they have in common."""
        found: list[_Member] = []
        short = line
        for members in self._members:
            for member in members:
                if member.find(short):
                    found.append(member)
                    short = member.marked
                    break
        value = _parsed(short) if short is not line else orjson.loads(line)
        for member in found:
            if not member.put(value):
                return orjson.loads(line)
        return value


class _Member:
    """Arrays of one name. That of the last line is ``find``, ``marked`` and ``put``, in this order."""

    def __init__(self, name: bytes) -> None:
        self.marked = b""  # the line, with a mark in the place of what is known
        self._line = b""  # as it was before
        self._row: Row | None = None  # what is known
        self._begin = self._rest = 0  # where the items begin, and those that are not known
        self._name = name.decode()
        self._quoted = b'"%b"' % name
        self._known = Begun[Row]()
        self._trials = self._missed = 0
        self._opening = b'"%b":[' % name  # as it was spelled last
        self._front = self._back = 0  # where that stood, from either end of the line
        self._path: tuple[str, ...] = ()  # of the object that had it

    def find(self, line: bytes) -> bool:
        """Whether the line has one."""
        begin = self._items(line) if self._trials < _TRIALS else -1
        if begin < 0:
            return False
        self._line, self._begin = line, begin
        found = self._known.find(line, begin, _ENDS)
        if found is None:
            self.marked, self._rest, self._row = line, begin, None
        else:
            length, self._row = found
            self._rest = rest = begin + length
            self.marked = b"".join((line[:begin], _QUOTED, line[rest:]))
        return True

    def put(self, value: Json) -> bool:
        """Put the known items in the place of the mark. False if it is not there."""
        known = self._row
        holder = self._holder(value)
        if holder is None:
            return known is None
        more = holder[self._name]
        if known is None:
            row, self._missed = Row(more), self._missed + 1
        else:
            del more[0]  # the mark
            if not more:
                holder[self._name] = known
                return True
            row, self._missed = Row([*known, *more], len(known), known.known), 0
        holder[self._name] = row
        if self._missed < _VAIN or self._missed % _SELDOM == 0:
            self._remember(row, more)
        return True

    def _items(self, line: bytes) -> int:
        """Where its items begin; -1 if it has none. Most lines have it where the one before had it."""
        opening = self._opening
        for at in (self._front, max(len(line) - self._back, 0)):
            if line.startswith(opening, at):
                break
        else:
            at = line.find(self._quoted)
            found = _OPENING.match(line, at + len(self._quoted) - 1) if at >= 0 else None
            if found is None:
                return -1
            self._opening = opening = line[at : found.end()]
        self._front, self._back = at, len(line) - at
        return at + len(opening)

    def _holder(self, value: Json) -> dict[str, Json] | None:
        """The object that has such an array, with the mark as its first item; most often where the one before was."""
        last = value
        for step in self._path:
            last = last.get(step) if type(last) is dict else None
        if self._has(last):
            return last
        for path, holder in _holders(value, self._name, (), _DEEP):
            if self._has(holder):
                self._path = path
                return holder
        return None

    def _has(self, value: Json) -> TypeGuard[dict[str, Json]]:
        items = value.get(self._name) if type(value) is dict else None
        return type(items) is list and (self._row is None or items[:1] == [_MARK])

    def _remember(self, row: Row, more: list[Json]) -> None:
        """If it is spelled as ``orjson`` does, or Python's ``json``."""
        line, goes_on = self._line, self._row is not None
        begin = self._rest + goes_on
        for dumps in (orjson.dumps, _plain):
            text = dumps(more)[1:-1]
            spaced = begin + (dumps is _plain and goes_on)
            end = spaced + len(text)
            if line.startswith(text, spaced) and line[end : end + 1] == b"]":
                self._trials = 0
                if end - self._begin >= _LEAST:
                    self._known.put(line[self._begin : end], row, grown=goes_on)
                return
        self._trials += 1


def _plain(value: list[Json]) -> bytes:
    return json.dumps(value).encode()


def _parsed(line: bytes) -> Json:
    """None if it is no JSON: then the whole line is read, and says so."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _holders(
    value: Json, name: str, path: tuple[str, ...], deep: int
) -> Iterator[tuple[tuple[str, ...], dict[str, Json]]]:
    """Objects that have this member, and where they stand."""
    if type(value) is not dict:
        return
    if name in value:
        yield path, value
    for key, each in value.items() if deep else ():
        if type(each) is dict:
            yield from _holders(each, name, (*path, key), deep - 1)
