"""A log of requests: what really changed between one and those before it."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson

from everwarm.core.common_prefix import common_prefix
from everwarm.core.layout.piece import Piece, name
from everwarm.core.layout.span import Span
from everwarm.core.layout.tools import name_of
from everwarm.core.layout.volatile import find
from everwarm.lint.finding import Finding, Trouble, tokens
from everwarm.lint.python.edits import MOVE
from everwarm.lint.request import Request, request_of

_BEFORE: Final = 8  # requests of a group that one is compared with: several conversations may be under way
_GROUPS: Final = 64
_SHOWN: Final = 30  # characters of what was and what is

_CURES: Final = {
    "tools in another order": "list them in one order",
    "keys in another order": "write them in one order: json.dumps(..., sort_keys=True), dicts made in one way",
    "other tools": "offer the same tools in all requests, or put those that change last",
}


class _Change(NamedTuple):
    place: str
    kind: str
    was: str
    became: str
    lost: int  # characters that were there before, and are behind the change


@dataclass(slots=True)
class _Sum:
    first: _Change
    line: int  # where it was seen first
    times: int = 0
    lost: int = 0


class Log:
    """Takes line after line; then ``findings``."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._groups: OrderedDict[tuple[object, ...], deque[Request]] = OrderedDict()
        self._sums: dict[tuple[str, str], _Sum] = {}
        self._compared = 0
        self._broken = 0
        self._sample = Trouble(file, "")
        self.requests = 0

    def read(self, lines: Iterable[bytes]) -> None:
        """All lines of it; empty ones do not count."""
        for number, line in enumerate(lines, 1):
            if line.strip():
                self._line(line, number)

    def findings(self) -> list[Finding]:
        """What changed, what cost most first."""
        ranked = sorted(self._sums.values(), key=lambda s: -s.lost)
        return [self._finding(each) for each in ranked]

    def broken(self) -> Trouble | None:
        """How many lines held no request, and why the first did not; None if all did."""
        if not self._broken:
            return None
        total = self.requests + self._broken
        such = f"such as line {self._sample.line}: {self._sample.what}"
        return Trouble(self._file, f"{self._broken:,} of {total:,} lines hold no request, {such}", self._sample.line)

    def _line(self, line: bytes, number: int) -> None:
        try:
            request = request_of(orjson.loads(line))
            why = "it is JSON, but no request body"
        except orjson.JSONDecodeError as e:
            request, why = None, f"it is no JSON ({e.msg} at column {e.colno})"
        if request is None:
            self._sample = self._sample if self._broken else Trouble(self._file, why, number)
            self._broken += 1
            return
        self.requests += 1
        self._compare(request, number)

    def _compare(self, request: Request, number: int) -> None:
        group = self._group(request)
        before = max(group, key=lambda other: common_prefix(other.text, request.text), default=None)
        group.append(request)
        if before is None:
            return
        self._compared += 1
        change = _change(before.pieces, request.pieces)
        if change:
            entry = self._sums.setdefault((change.place, change.kind), _Sum(change, number))
            entry.times += 1
            entry.lost += change.lost

    def _group(self, request: Request) -> deque[Request]:
        """Those of the same model with tools of the same names, whatever their order."""
        tools = frozenset(_tool(piece) for piece in request.pieces if piece.kind == "definition")
        key = request.dialect, request.model, tools
        group = self._groups.setdefault(key, deque(maxlen=_BEFORE))
        self._groups.move_to_end(key)
        if len(self._groups) > _GROUPS:
            self._groups.popitem(last=False)
        return group

    def _finding(self, entry: _Sum) -> Finding:
        change, times = entry.first, entry.times
        lost = tokens(entry.lost // times)
        share = f"{times / self._compared:.0%}"
        often = f"in {times:,} of the {self._compared:,} requests that followed another like it ({share})"
        story = f"It changed {often}, and what is behind it could not be reused."
        shown = f"{change.was} became {change.became}"
        cure = _CURES.get(change.kind, MOVE)
        return Finding(self._file, entry.line, 0, change.place, change.kind, shown, story, lost, cure)


def _tool(piece: Piece) -> str:
    """What a tool is called; all of it, where that has no name."""
    return name_of(orjson.loads(piece.text)) or piece.text


def _change(old: tuple[Piece, ...], new: tuple[Piece, ...]) -> _Change | None:
    """The first thing that is not as it was, and should be: in the static part; of the conversation, which is another
    one as a rule, only what changes by nature."""
    at = next((i for i, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        return None
    was, became = old[at], new[at]
    start = common_prefix(was.text, became.text)
    spans = _span(was.text, start), _span(became.text, start)
    kind = _kind(was, became) or next((span.kind for span in reversed(spans) if span), "")
    if became.tier == "messages" and not (kind and became[:4] == was[:4]):  # the same place and role
        return None
    ends = common_prefix(was.text[start:][::-1], became.text[start:][::-1])
    lost = ends + _same(old[at + 1 :], new[at + 1 :])
    before, after = _cut(was.text, start, spans[0]), _cut(became.text, start, spans[1])
    return _Change(_place(became), kind or "a text that changes", before, after, lost)


def _span(text: str, at: int) -> Span | None:
    """What changes by nature, and stands there."""
    return next((span for span in find(text) if span.start <= at < span.end), None)


def _kind(was: Piece, became: Piece) -> str:
    """How tools differ, "" for what are none."""
    if became.kind != "definition" or was.kind != "definition":
        return ""
    if orjson.loads(was.text) == orjson.loads(became.text):
        return "keys in another order"
    return "other tools" if _tool(was) == _tool(became) else "tools in another order"


def _same(old: tuple[Piece, ...], new: tuple[Piece, ...]) -> int:
    """Characters of the pieces that are at the same place, and as they were."""
    known = {piece.path: piece.text for piece in old}
    return sum(len(piece.text) for piece in new if known.get(piece.path) == piece.text)


def _place(piece: Piece) -> str:
    """Its path; of a tool or a message that of the list, for it is another one each time."""
    if piece.kind == "definition":
        return name(tuple(step for step in piece.path if isinstance(step, str)))
    return name(piece.path)


def _cut(text: str, at: int, span: Span | None) -> str:
    """The span, or what stands there, with a little before it."""
    if span:
        return repr(text[span.start : min(span.end, span.start + _SHOWN)])
    start = max(0, at - 8)
    return repr(("..." if start else "") + text[start : at + _SHOWN])
