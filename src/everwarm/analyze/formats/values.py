"""The JSON values of a source: one a line, or one that is the whole file and may hold a list of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import orjson

from everwarm.analyze.formats.again import Again
from everwarm.analyze.formats.format import Lines
from everwarm.analyze.reading.files import LONGEST, sample
from everwarm.analyze.reading.record import Unread
from everwarm.core import body
from everwarm.core.analysis.call import Place
from everwarm.core.wire import Json
from everwarm.errors import BadRequest

LISTS: Final = ("data", "items", "requests", "calls", "logs", "records", "observations", "generations", "rows")
"""Members in which an object may hold a list of calls."""


def values(lines: Lines, lists: Iterable[str] = LISTS) -> Iterator[tuple[int, Json] | Unread]:
    """Each value with its number: the line's, or if the file is one value, its place in the list, from 1."""
    rows = lines.numbered()
    first = next(rows, None)
    if first is None:
        return
    begin = first[1].strip()
    if begin.startswith((b"{", b"[")) and begin.endswith((b"{", b"[", b",")):  # a value that goes on
        yield from _whole(lines.name, first[1], rows, lists)
        return
    second = next(rows, None)
    if second is None:
        yield from _members(lines.name, read(first[1], Place(lines.name, first[0])), lists)
        return
    again = Again()
    for number, line in chain((first, second), rows):
        try:
            value = again.loads(line)
        except orjson.JSONDecodeError:
            value = read(line, Place(lines.name, number))
        yield value if isinstance(value, Unread) else (number, value)


def read(data: bytes, place: Place) -> Json | Unread:
    """One value. Half a character, as is left where a log cuts a text, is mended."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as e:
        try:
            return body.read(data).value
        except BadRequest:
            where = f"line {e.lineno} column {e.colno}" if e.lineno > 1 else f"column {e.colno}"
            return Unread(place, f"it is no JSON: {e.msg} at {where}", sample(data))


def listed(value: Json, lists: Iterable[str] = LISTS) -> list[Json] | None:
    """The list that a value is, or that it holds; None for one that is a call by itself."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return None
    return next((value[name] for name in lists if isinstance(value.get(name), list)), None)


def _whole(
    name: str, first: bytes, rows: Iterator[tuple[int, bytes]], lists: Iterable[str]
) -> Iterator[tuple[int, Json] | Unread]:
    held, size = [first], len(first)
    for _, line in rows:
        size += len(line) + 1
        if size > LONGEST:
            why = f"it is one JSON value of more than {LONGEST // 2**20} MB: write it as JSON lines"
            yield Unread(Place(name, 1), why, sample(first))
            return
        held.append(line)
    yield from _members(name, read(b"\n".join(held), Place(name, 1)), lists)


def _members(name: str, value: Json | Unread, lists: Iterable[str]) -> Iterator[tuple[int, Json] | Unread]:
    if isinstance(value, Unread):
        yield value
        return
    inside = listed(value, lists)
    if inside == []:
        yield Unread(Place(name, 1), "it is a list with nothing in it")
    yield from enumerate([value] if inside is None else inside, 1)
