"""The conversation of an opencode session: what each call was sent, and what it gave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Final, NamedTuple

from everwarm.analyze.formats.entries import part, provider, rows, seconds, text
from everwarm.analyze.formats.steps import Step, after, digest
from everwarm.analyze.reading.record import Record
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.blocks import blocks_of
from everwarm.core.analysis.call import Line, Place
from everwarm.core.dialects.counts import count
from everwarm.core.layout.outlines.parts import Place as Writer
from everwarm.core.layout.piece import Kind, Piece
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_TOLD_TWICE: Final = ("text/plain", "application/x-directory")
"""Files that stand there as text parts, too."""

Parts = Sequence[dict[str, Json]]


class _Said(NamedTuple):
    message: str  # the id of the message that it is of
    blocks: Sequence[Block]
    clears: float = inf  # from when on only the others are sent
    cleared: Sequence[Block] = ()


class Talk:
    """Messages in, calls out."""

    def __init__(self, file: str, session: dict[str, Json]) -> None:
        self._file = file
        self._session = session
        self._said: list[_Said] = []  # all that is sent now
        self._steps: list[Step | None] = [None]  # the same as prompts, each one longer
        self._next = inf  # when something of it is cleared next
        self._asked: dict[str, Json] = {}  # the last message of the user
        self._tail = ""  # the first message that the last compaction keeps

    def message(self, message: dict[str, Json]) -> Iterator[tuple[Step | None, Record]]:
        """Its calls, each with its prompt."""
        info, parts = part(message, "info"), [each for each in rows(message, "parts") if type(each) is dict]
        if text(info, "role") != "assistant":
            self._asked = info
            self._tail = next((text(each, "tail_start_id") for each in parts if _is(each, "compaction")), self._tail)
            self._add(_Said(text(info, "id"), _asked(parts)))
            return
        yield from self._answer(info, parts)
        if info.get("summary") is True and not info.get("error"):
            self._summarized(info)

    def _answer(self, info: dict[str, Json], parts: Parts) -> Iterator[tuple[Step | None, Record]]:
        at, told, sent = seconds(part(info, "time").get("created")), False, _is_sent(info, parts)
        for row, finish in _steps(parts):
            prompt, blocks = self._prompt(at), _answered(row)
            usage = _usage(finish.get("tokens") if finish else None if told else info.get("tokens"))
            if finish or blocks or (not told and (usage or info.get("error"))):
                record = self._record(info, row, at, usage, digest(blocks))
                record.failed = usage is None and bool(info.get("error"))
                yield prompt, record
            told = told or finish is not None
            if sent:
                self._add(_Said(text(info, "id"), blocks), *_results(text(info, "id"), row))
            at = max((at or 0.0, *(end for each in row if (end := _ended(each))))) or None

    def _record(self, info: dict[str, Json], row: Parts, at: float | None, usage: Usage | None, said: bytes) -> Record:
        began, ended = _span(row)
        seller = provider(text(info, "providerID"), text(info, "modelID"))
        variant = text(info, "variant") or text(part(self._asked, "model"), "variant")
        folder = text(part(info, "path"), "cwd") or text(self._session, "directory")
        agent = text(info, "agent") or text(info, "mode")
        session = text(info, "sessionID") or text(self._session, "id")
        return Record(
            Place(self._file, 0),
            Line(seller, text(info, "modelID"), "", folder, session),
            hides=" ".join(filter(None, ("opencode", text(self._session, "version"), agent))),
            at=at,
            began=began,
            ended=ended or seconds(part(info, "time").get("completed")),
            usage=usage,
            settings={"reasoning_effort" if seller == "openai" else "thinking": variant} if variant else {},
            answer=said,
            id=next((name for each in row if _is(each, "step-finish") and (name := text(each, "id"))), "")
            or text(info, "id"),
        )

    def _add(self, *said: _Said) -> None:
        for each in said:
            self._said.append(each)
            self._next = min(self._next, each.clears)
            self._steps.append(after(self._steps[-1], each.blocks))

    def _prompt(self, at: float | None) -> Step | None:
        """All that is sent at this time."""
        if at is not None and self._next <= at:
            due = [place for place, each in enumerate(self._said) if each.clears <= at]
            for place in due:
                self._said[place] = _Said(self._said[place].message, self._said[place].cleared)
            self._next = min((each.clears for each in self._said), default=inf)
            if due:
                self._again(due[0])
        return self._steps[-1]

    def _summarized(self, info: dict[str, Json]) -> None:
        """Only what it keeps, and all from the message on that asked for it, is sent from now on."""
        names = [each.message for each in self._said]
        first = self._tail if self._tail in names else text(info, "parentID")
        del self._said[: names.index(first if first in names else text(info, "id"))]
        self._again(0)

    def _again(self, first: int) -> None:
        del self._steps[first + 1 :]
        for each in self._said[first:]:
            self._steps.append(after(self._steps[-1], each.blocks))


def _is(one: dict[str, Json], kind: str) -> bool:
    return one.get("type") == kind


def _steps(parts: Parts) -> Iterator[tuple[Parts, dict[str, Json] | None]]:
    """The parts of each call, and the one that ends it; behind the last one what stands there, of none."""
    row: list[dict[str, Json]] = []
    for each in parts:
        row.append(each)
        if _is(each, "step-finish"):
            yield row, each
            row = []
    yield row, None


def _is_sent(info: dict[str, Json], parts: Parts) -> bool:
    """Of an answer that failed only what the user broke off himself is, and only if there is something to read."""
    error = info.get("error")
    return not error or (
        text(error, "name") == "MessageAbortedError" and any(_is(each, "text") or _is(each, "tool") for each in parts)
    )


def _asked(parts: Parts) -> list[Block]:
    """A message of the user."""
    pieces: list[Piece] = []
    place = Writer(pieces, "messages", "user", 0)
    for index, each in enumerate(parts):
        path = ("messages", 0, "content", index)
        if _is(each, "text") and each.get("ignored") is not True:
            place.string((*path, "text"), each.get("text"), "text")
        elif _is(each, "file") and each.get("mime") not in _TOLD_TWICE:
            place.opaque(path, {name: each[name] for name in ("mime", "filename", "url") if name in each})
        elif _is(each, "compaction") or _is(each, "subtask"):
            place.text((*path, "type"), text(each, "type"))
    return blocks_of(pieces)


def _answered(parts: Parts) -> list[Block]:
    """What the model said: reasoning, text, calls of tools."""
    pieces: list[Piece] = []
    place = Writer(pieces, "messages", "assistant", 0)
    for index, each in enumerate(parts):
        path = ("messages", 0, "content", index)
        if _is(each, "text"):
            place.string((*path, "text"), each.get("text"), "text")
        elif _is(each, "reasoning"):
            place.opaque((*path, "text"), each.get("text"))
        elif _is(each, "tool"):
            place.opaque((*path, "tool"), each.get("tool"))
            place.opaque((*path, "state", "input"), part(each, "state").get("input"))
    return blocks_of(pieces)


def _results(message: str, parts: Parts) -> Iterator[_Said]:
    """What the tools gave that it called."""
    for index, each in enumerate(parts):
        if _is(each, "tool"):
            state, path = part(each, "state"), ("messages", 0, "content", index, "state", "output")
            given = state.get("output", state.get("error", ""))
            clears = seconds(part(state, "time").get("compacted"))
            yield _Said(message, _result(path, given), inf if clears is None else clears, _result(path, ""))


def _result(path: tuple[str | int, ...], given: Json) -> list[Block]:
    pieces: list[Piece] = []
    kind: Kind = "result"
    Writer(pieces, "messages", "tool", 0).string(path, given, kind)
    return blocks_of(pieces)


def _ended(one: dict[str, Json]) -> float | None:
    """When a tool was done."""
    return seconds(part(part(one, "state"), "time").get("end")) if _is(one, "tool") else None


def _span(parts: Parts) -> tuple[float | None, float | None]:
    """When an answer began, and when it was complete, as far as its parts tell."""
    spoken = [part(each, "time") for each in parts if _is(each, "text") or _is(each, "reasoning")]
    called = [part(part(each, "state"), "time") for each in parts if _is(each, "tool")]
    began = [at for time in spoken if (at := seconds(time.get("start"))) is not None]
    ended = [at for time in spoken if (at := seconds(time.get("end"))) is not None]
    ended += (at for time in called if (at := seconds(time.get("start"))) is not None)
    return min(began, default=None), max(ended, default=None)


def _usage(value: Json) -> Usage | None:
    """None if nothing was counted."""
    prompt, output, thought = (count(value, name) or 0 if type(value) is dict else 0 for name in _COUNTS)
    read, written = (count(part(value, "cache"), name) or 0 for name in ("read", "write"))
    apart = thought and part({"tokens": value}, "tokens").get("total") == prompt + output + thought + read + written
    usage = Usage(prompt, read, output + thought if apart else output, written, thought)
    return usage if usage.total else None


_COUNTS: Final = ("input", "output", "reasoning")
