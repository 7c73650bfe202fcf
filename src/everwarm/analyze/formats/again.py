"""JSON lines that say again what lines before them said: a request repeats all of its conversation, and its tools.

An array whose text begins with all of an earlier one's is that one with more items; so a mark is put in the place of
what is known, and only the rest is parsed. Nothing is guessed: the earlier text was parsed by itself, or compared with
its items' JSON, byte by byte; and if the mark is not found where an array of this name begins, all of the line is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from secrets import token_hex
from typing import Final, TypeGuard

import orjson

from everwarm.analyze.formats.begun import KEPT, Begun
from everwarm.core.analysis.row import Row
from everwarm.core.marks import NAMES, may_have_marks
from everwarm.core.wire import Json

MEMBERS: Final = ((b"messages", b"input"), (b"tools",), (b"system",))
"""A body has one of the first, tools, and perhaps a system prompt in parts."""

_LEAST: Final = 256
"""Bytes of an array for which it pays."""

_TRIALS: Final = 32
"""Arrays in a row that are spelled as none is that can be known again; then it is left."""

_VAIN: Final = 2 * KEPT
"""Arrays in a row of which nothing was known, as where a clock is in each. Then one in ``_SELDOM`` is remembered."""

_SELDOM: Final = 8

_FEW: Final = 32
"""Lines in a row without an array of a name. Then it is looked for in one of ``_SELDOM``."""

_ENDS: Final = (b",", b"]", b" ")
"""What may stand behind an item."""

_BEHIND: Final = b", \t}"
"""What may stand between an array and what comes next in its line, as far as that is no closing bracket."""

_TRIED: Final = 4
"""Places at which an array, or an item, may end."""

_MARKED: Final = re.compile(rb',\s*"(?:%b)"\s*:\s*\{[^{}]*\}' % "|".join(NAMES).encode())
"""A cache mark, behind something else. In a text the quotes would be escaped."""

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
        self._talks = name in MEMBERS[0]
        self._quoted = b'"%b"' % name
        self._known = Begun[Row]()
        self._trials = self._missed = 0
        self._absent = 0  # lines in a row without one
        self._opening = b'"%b":[' % name  # as it was spelled last
        self._front = self._back = 0  # where that stood, from either end of the line
        self._path: tuple[str, ...] = ()  # of the object that had it

    def find(self, line: bytes) -> bool:
        """Whether the line has one."""
        if self._trials >= _TRIALS or (self._absent >= _FEW and self._absent % _SELDOM):
            self._absent += 1
            return False
        begin = self._items(line)
        if begin < 0:
            self._absent += 1
            return False
        self._absent = 0
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
            self._missed += 1
            row = Row(more)
        else:
            del more[0]  # the mark
            self._missed = 0
            if known.begun is not None and known.begun.known is None:
                known.begun = None  # nobody reads them, so no chain of them is kept
            row = known.then(more)
        holder[self._name] = row
        if more and (self._missed < _VAIN or self._missed % _SELDOM == 0):
            self._remember(row, more, value)
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

    def _remember(self, row: Row, more: list[Json], value: Json) -> None:
        """A row, of which these items were not known; the last of ``value``'s."""
        begin = self._rest if self._row is None else self._line.index(b",", self._rest) + 1
        data = orjson.dumps(more)
        end = begin + len(data) - 2
        if not self._line.startswith(data[1:], begin):
            end = self._end(begin, data, value)
        if end < 0:
            self._trials += 1
            return
        self._trials = 0
        if end - self._begin < _LEAST:
            return
        moved = self._talks and may_have_marks(data) and _MARKED.search(orjson.dumps(more[-1])) is not None
        if not moved or self._row is None:  # else it may stay where it is
            self._known.put(self._line[self._begin : end], row, grown=self._row is not None)
        if moved:
            text, items = _unmarked(self._line[begin:end])
            row = Row(items) if self._row is None else self._row.then(items)
            self._known.put(self._line[self._begin : begin] + text, row, grown=self._row is not None)

    def _end(self, begin: int, data: bytes, value: Json) -> int:
        """Where these items end that are spelled otherwise than ``orjson`` does, as far as that is told by what comes
        behind them. ``data``: their JSON. -1: it is not."""
        line, behind, at = self._line, self._next(value), begin
        for _ in range(_TRIED):
            at = line.find(behind, at) if behind else len(line)
            if at < 0:
                break
            text = line[begin:at].rstrip(_BEHIND)
            if text.endswith(b"]") and (items := _parsed(b"[" + text)) is not None and orjson.dumps(items) == data:
                return begin + len(text[:-1].rstrip())
            at += 1
        return -1

    def _next(self, value: Json) -> bytes:
        """The name of the member that comes next in the line, in quotes; b"" if none does."""
        found = b""
        for name in (*self._path, self._name):
            names = list(value)
            at = names.index(name) + 1
            if at < len(names):
                found = orjson.dumps(names[at])
            value = value[name]
        return found


def _unmarked(text: bytes) -> tuple[bytes, list[Json]]:
    """Up to the end of the first item that has a cache mark, and without that: it is put elsewhere next time."""
    begin, end = found.span() if (found := _MARKED.search(text)) else (len(text), len(text))
    text = text[:begin] + text[end:]
    for _ in range(_TRIED):
        begin = text.find(b",", begin)
        if begin < 0:
            break
        if (items := _parsed(b"[%b]" % text[:begin])) is not None:
            return text[:begin], items
        begin += 1
    return text, orjson.loads(b"[%b]" % text)


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
