"""The JSON values of a source: one a line, or one after another, or in a list that may be within an object."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, islice
from typing import Final

import orjson

from everwarm.analyze.formats.again import Again
from everwarm.analyze.formats.format import Lines
from everwarm.analyze.formats.items import items
from everwarm.analyze.formats.spans import Broken
from everwarm.analyze.reading.files import sample
from everwarm.analyze.reading.record import Unread
from everwarm.core import body
from everwarm.core.analysis.call import Place
from everwarm.core.wire import Json
from everwarm.errors import BadRequest

LISTS: Final = ("data", "items", "requests", "calls", "logs", "records", "observations", "generations", "rows")
"""Members in which an object may hold a list of calls."""

_LIST: Final = re.compile(rb"\[\s*([\[{\]]|$)")
"""How a list of objects begins, and no line of text with a time or a level in brackets."""


def values(lines: Lines, lists: Collection[str] = LISTS) -> Iterator[tuple[int, Json] | Unread]:
    """Each value with its number: the line's, or where a line is no value, its place among all, from 1."""
    if _goes_on(lines.head().lstrip()):
        yield from _one_after_another(lines.name, lines.pieces(), lists)
        return
    rows = lines.numbered()
    begin = list(islice(rows, 2))
    if len(begin) == 1 and begin[0][1].lstrip().startswith((b"{", b"[")):  # it may be a list on one line
        yield from _one_after_another(lines.name, [begin[0][1]], lists)
        return
    again = Again()
    for number, line in chain(begin, rows):
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


def _goes_on(head: bytes) -> bool:
    """Whether the first line is no value by itself."""
    if head.startswith(b"["):
        return _LIST.match(head) is not None
    line, end, _ = head.partition(b"\n")
    return line.startswith(b"{") and (not end or line.rstrip().endswith((b"{", b"[", b",", b":")))


def _one_after_another(
    name: str, pieces: Iterable[bytes], lists: Collection[str]
) -> Iterator[tuple[int, Json] | Unread]:
    for number, found in enumerate(items(pieces, lists, Again().loads), 1):
        place = Place(name, number)
        if isinstance(found, Broken):
            yield Unread(place, found.why, sample(found.begin))
            continue
        value = read(found, place) if isinstance(found, bytes) else found
        yield value if isinstance(value, Unread) else (number, value)
