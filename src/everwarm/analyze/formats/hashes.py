"""Traces in which prompts are rows of hashed blocks: no text, but who shares what with whom, and when.

One request a line (Mooncake, and what others write in its form; Bailian), or one conversation a file or line
(kv-cache-tester). They hold millions of requests, so these readers give no ``Record`` but a small ``Asked`` each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Final, NamedTuple

import orjson

from everwarm.analyze.formats.format import Lines
from everwarm.analyze.reading import digests
from everwarm.analyze.reading.record import Unread
from everwarm.core.analysis.call import Place
from everwarm.core.analysis.runs import pack
from everwarm.core.wire import Json

SIZES: Final = (512, 16, 32, 64, 128, 256, 1024, 2048, 1)
"""Tokens of a block, as they are tried where a trace does not say."""

SAMPLE: Final = 64
"""Requests by which the size of a block is found out."""

MOST: Final = 1 << 31
"""Tokens that no prompt and no block has."""


class Asked(NamedTuple):
    """One request of a trace."""

    at: float | None  # seconds, since 1970 or since the trace began
    tokens: int  # of the prompt
    row: bytes  # its hashes, packed (``runs``)
    size: int  # tokens of a block; 0: the trace does not say
    scope: str = ""  # the same hash in two scopes is not the same block


class Rows:
    """One request a line: ``hash_ids``, ``input_length``, ``timestamp``, and ``block_size`` if it is an unusual one.

    Dynamo also calls the second ``input_tokens``, and the third ``created_time``.
    """

    together = False
    note = ""

    def __init__(self, name: str, second: int, size: int, *, chats: bool) -> None:
        self.name = name
        self._second = second  # what a second is in timestamps
        self._size = size  # tokens of a block, if nothing speaks against it
        self._chats = chats  # whether lines tell of chats

    def fits(self, head: Iterable[bytes], name: str) -> float:
        begin = list(islice((line for line in head if line.strip()), SAMPLE))
        rows = [line for line in begin if _HASHES.search(line) and not _TALK.search(line)]
        if not rows or any(map(_CHAT.search, rows)) != self._chats:
            return 0.0
        return 0.9 * len(rows) / len(begin)

    def requests(self, lines: Lines) -> Iterator[Asked | Unread]:
        numbered = lines.numbered()
        begin = [self._request(lines.name, number, line, 0) for number, line in islice(numbered, SAMPLE)]
        size = _size([each for each in begin if isinstance(each, Asked)], self._size)
        for each in begin:
            yield each._replace(size=size) if isinstance(each, Asked) and not each.size else each
        for number, line in numbered:
            yield self._request(lines.name, number, line, size)

    def _request(self, file: str, number: int, line: bytes, size: int) -> Asked | Unread:
        """``size``: of a block, where the line does not say."""
        try:
            value = orjson.loads(line)
            at = _number(value.get("timestamp", value.get("created_time")), "timestamp")
            if "block_size" in value:
                size = _count(value["block_size"], "block_size") or size
            row = _row(value.get("hash_ids"))
            tokens = _count(value.get("input_length", value.get("input_tokens")), "input_length")
            return Asked(None if at is None else at / self._second, tokens, row, size)
        except _WRONG as error:
            return _unread(Place(file, number), error, line)


class Talks:
    """One conversation of an agent, with those of its helpers: a file of kv-cache-tester, or a line of a collection."""

    name = "kv-cache-tester trace"
    together = True
    note = "Times count from each conversation's own beginning, so all conversations are taken to begin at once."

    def fits(self, head: Iterable[bytes], name: str) -> float:
        begin = b"\n".join(islice(head, SAMPLE))
        return 0.9 if _TALK.search(begin) and _HASHES.search(begin) else 0.0

    def requests(self, lines: Lines) -> Iterator[Asked | Unread]:
        numbered = lines.numbered()
        begin = list(islice(numbered, 2))
        if _is_by_lines([line.strip() for _, line in begin]):
            for number, line in chain(begin, numbered):
                yield from _talk(Place(lines.name, number), line)
        else:  # one value on several lines
            yield from _talk(Place(lines.name, 1), lines.whole())


def _is_by_lines(begin: list[bytes]) -> bool:
    """Whether each line is a value, from the first two."""
    return len(begin) < 2 or begin[0].endswith(b"}") or begin[1].startswith(b"{")


def _talk(place: Place, data: bytes) -> Iterator[Asked | Unread]:
    try:
        talk = orjson.loads(data)
        asked = list(_spoken(talk.get("requests"), 0.0))
        size = _count(talk.get("block_size") or None, "block_size")
    except _WRONG as error:
        yield _unread(place, error, data)
        return
    scope = "" if talk.get("hash_id_scope") == "global" else f"{place.file}:{place.line}"
    for number, (began, value) in enumerate(asked, 1):
        try:
            at = _number(value.get("t"), "t")
            at = None if at is None else began + at
            yield Asked(at, _count(value.get("in"), "in"), _row(value.get("hash_ids")), size, scope)
        except _WRONG as error:
            where = Place(place.file, number if place.line == 1 else place.line)
            yield _unread(where, error, f"{{{', '.join(value)}}}".encode())


def _spoken(requests: Json, began: float) -> Iterator[tuple[float, Mapping[str, Json]]]:
    """All requests, those of helpers among them, and what their times count from.

    A helper's count from its own beginning, or from the conversation's: the former, if one is before it was called.
    """
    if not isinstance(requests, list):
        raise TypeError("it has no list of requests")
    helpers = [each for each in requests if isinstance(each, dict) and each.get("type") == "subagent"]
    own = any(at < _time(each) for each in helpers for at in _times(each.get("requests")))
    for each in requests:
        if not isinstance(each, dict):
            yield began, {}
        elif each.get("type") == "subagent":
            yield from _spoken(each.get("requests"), began + _time(each) if own else began)
        else:
            yield began, each


def _times(requests: Json) -> Iterator[float]:
    return (_time(each) for each in requests if isinstance(each, dict)) if isinstance(requests, list) else iter(())


def _time(value: Mapping[str, Json]) -> float:
    at = value.get("t")
    return at if isinstance(at, int | float) else 0.0


def _row(hashes: Json) -> bytes:
    if not isinstance(hashes, list):
        raise TypeError("it has no hash_ids")
    try:
        return pack(hashes)
    except (TypeError, OverflowError):
        return pack([_digest(each) for each in hashes])


def _digest(value: Json) -> int:
    """A hash that is no integer of 64 bits, as one."""
    if not isinstance(value, str | int):
        raise TypeError("a hash is neither an integer nor a text")
    return digests.number(str(value))


def _count(value: Json, name: str) -> int:
    if type(value) is not int or not 0 <= value < MOST:
        raise ValueError(f"its {name} is no count" if value is not None else f"it has no {name}")
    return value


def _number(value: Json, name: str) -> float | None:
    if value is None or isinstance(value, int | float):
        return value
    raise ValueError(f"its {name} is no number")


def _size(asked: list[Asked], usual: int) -> int:
    """With which all rows are as long as their tokens say: the usual size, or else the first that is so."""
    for size in (usual, *SIZES):
        if all(len(each.row) // 8 in (each.tokens // size, -(-each.tokens // size)) for each in asked):
            return size
    return usual


def _unread(place: Place, error: Exception, line: bytes) -> Unread:
    why = {orjson.JSONDecodeError: f"it is no JSON: {error}", AttributeError: "it is no JSON object"}
    return Unread(place, why.get(type(error), str(error)), line[:80].decode("utf-8", "replace"))


_WRONG = (ValueError, TypeError, AttributeError)  # of a line: no JSON; not the right values; no object
_HASHES = re.compile(rb'"hash_ids"\s*:\s*\[')
_TALK = re.compile(rb'"requests"\s*:\s*\[')
_CHAT = re.compile(rb'"chat_id"\s*:')

FORMATS: Final[tuple[Rows | Talks, ...]] = (
    Rows("Mooncake trace", 1000, 512, chats=False),
    Rows("Bailian trace", 1, 16, chats=True),
    Talks(),
)
"""The formats of traces."""
