"""JSON lines that say again what lines before them said: a request repeats all of its conversation, and its tools.

An array whose text begins with all of an earlier one's is that one with more items; so what is known is cut out of the
line, and only the rest is parsed. Nothing is guessed: the earlier text was compared with its items' JSON, byte by byte,
and the member's name stands but once in the line.
"""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

import orjson

from everwarm.core.analysis.row import Row
from everwarm.core.wire import Json

MEMBERS: Final = (b"messages", b"input", b"tools")
"""In the order in which they are cut out."""

_KEPT: Final = 16
"""Arrays of each member that are known; conversations that go on at one time."""

_LEAST: Final = 256
"""Bytes of an array for which it pays."""

_TRIALS: Final = 32
"""Arrays in a row that are spelled as none is that can be known again; then it is left."""

_ENDS: Final = (b",", b"]")
"""What may stand behind an item."""

_BEGIN: Final = re.compile(rb'"\s*:\s*\[')
_DEEP: Final = 3
"""Objects around the body."""


class _Cut(NamedTuple):
    """An array in a line."""

    line: bytes  # in which what comes before is as it was
    begin: int  # of its items
    rest: int  # where the items begin that are not known
    row: Row | None  # the known ones


class Again:
    """Reads line after line."""

    def __init__(self) -> None:
        self._members = [_Member(name) for name in MEMBERS]

    def loads(self, line: bytes) -> Json:
        """As ``orjson.loads``, with the same errors; arrays of ``MEMBERS`` may be ``Row``s. Not to be changed: lines
        share what they have in common."""
        short, cuts = line, list[tuple[_Member, _Cut]]()
        for member in self._members:
            cut = member.cut(short)
            if cut is not None:
                cuts.append((member, cut))
                short = _without(cut)
        value = _parsed(short) if short is not line else orjson.loads(line)
        if all(member.put(value, cut) for member, cut in cuts):
            return value
        return orjson.loads(line)


class _Member:
    """Arrays of one name."""

    def __init__(self, name: bytes) -> None:
        self._name = name.decode()
        self._quoted = b'"%b"' % name
        self._known: list[tuple[bytes, Row]] = []  # texts of items, and them; what was used last is first
        self._trials = 0

    def cut(self, line: bytes) -> _Cut | None:
        """Where it is in the line, and what of it is known. None if it is not there, or more than once."""
        at = line.find(self._quoted) if self._trials < _TRIALS else -1
        found = _BEGIN.match(line, at + len(self._quoted) - 1) if at > 0 and line[at - 1 : at] != b"\\" else None
        if found is None:
            return None
        begin = rest = found.end()
        row = None
        for n, (text, known) in enumerate(self._known):
            end = begin + len(text)
            if line.startswith(text, begin) and line[end : end + 1] in _ENDS:
                rest, row = end, known
                self._known.insert(0, self._known.pop(n))
                break
        if line.find(self._quoted, rest) >= 0:
            return None
        return _Cut(line, begin, rest, row)

    def put(self, value: Json, cut: _Cut) -> bool:
        """Put the known items back before the others. False if this is not possible."""
        holder = _holder(value, self._name, _DEEP)
        more = holder[self._name] if holder is not None else None
        if holder is None or type(more) is not list:
            return cut.row is None
        goes_on = cut.line[cut.rest : cut.rest + 1] == b","
        if cut.row is not None and goes_on != bool(more):
            return False  # a comma, and nothing behind it
        if cut.row is not None and not more:
            holder[self._name] = cut.row
            return True
        row = Row([*(cut.row or ()), *more], len(cut.row or ()), cut.row.known if cut.row is not None else None)
        holder[self._name] = row
        self._remember(cut, row, more)
        return True

    def _remember(self, cut: _Cut, row: Row, more: list[Json]) -> None:
        """If it is spelled as ``orjson`` does, or Python's ``json``."""
        begin = cut.rest + (cut.row is not None)
        for dumps in (orjson.dumps, _plain):
            text = dumps(more)[1:-1]
            spaced = begin + (dumps is _plain and cut.row is not None)
            end = spaced + len(text)
            if cut.line.startswith(text, spaced) and cut.line[end : end + 1] == b"]":
                self._trials = 0
                if end - cut.begin >= _LEAST:
                    self._known.insert(0, (cut.line[cut.begin : end], row))
                    del self._known[_KEPT:]
                return
        self._trials += 1


def _plain(value: list[Json]) -> bytes:
    return json.dumps(value).encode()


def _without(cut: _Cut) -> bytes:
    """The line without the items that are known."""
    if cut.row is None:
        return cut.line
    comma = cut.line[cut.rest : cut.rest + 1] == b","
    return cut.line[: cut.begin] + cut.line[cut.rest + comma :]


def _parsed(line: bytes) -> Json:
    """None if it is no JSON: then the whole line is read, and says so."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def _holder(value: Json, name: str, deep: int) -> dict[str, Json] | None:
    """The object that has this member."""
    if not isinstance(value, dict):
        return None
    if name in value:
        return value
    inside = (_holder(each, name, deep - 1) for each in value.values() if type(each) is dict) if deep else iter(())
    return next((found for found in inside if found is not None), None)
