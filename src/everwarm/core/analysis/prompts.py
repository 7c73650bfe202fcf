"""The prompts of a log, in which nearly everything was there before: each stretch is looked at and kept once.

A body is taken apart into *units* (a tool, a message, a system prompt), which are known by their JSON; a unit was made
into blocks when it was seen first. So a request costs a look-up for each of its messages, however long they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import orjson

from everwarm.core.analysis.block import Block
from everwarm.core.analysis.blocks import blocks_of, grouped, place_of
from everwarm.core.analysis.prefixes import Prefixes
from everwarm.core.analysis.row import Known, Row
from everwarm.core.analysis.texts import KEPT, Texts
from everwarm.core.layout.outline import outline
from everwarm.core.layout.outlines.parts import LEADING, MARK, role_of
from everwarm.core.layout.piece import Piece
from everwarm.core.marks import marks_in
from everwarm.core.wire import Json

MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "openai_chat": ("tools", "functions", "messages"),
    "anthropic_messages": ("tools", "system", "messages"),
    "openai_responses": ("tools", "instructions", "prompt", "input"),
    "openai_completions": ("prompt", "suffix"),
}
"""Of a body what a model reads, in rendered order. By dialect."""

_MARKS: Final = (b'"cache_control"', b'"prompt_cache_breakpoint"')
"""Without these there is no mark in a unit."""

_TALKS: Final = ("messages", "input")
"""Members whose system messages, if nothing stands before them, are a system prompt."""


class Unit(NamedTuple):
    """One tool, message or system prompt, as it is in a body."""

    member: str  # of the body
    listed: bool  # whether it is one of a list there
    data: bytes | None  # its JSON, compact; b"" for the items of a list that has none; None: it was not kept
    blocks: tuple[int, ...]
    marks: tuple[tuple[int, str], ...]  # which of its blocks a client has marked, and the lifetime
    first: int  # blocks that were seen before it: one with this number or a higher one has the paths of this unit


class _Form(NamedTuple):
    """What tells, besides its JSON, which unit it is."""

    dialect: str
    member: str
    listed: bool
    leading: bool  # no message, or one before which there are system messages only


class Prompt(NamedTuple):
    """One request's, by numbers."""

    blocks: int  # a prefix of ``Prompts.prefixes``, of blocks
    units: int  # a prefix of ``Prompts.bodies``, of units
    marks: tuple[tuple[int, str], ...]  # places among its blocks, and lifetimes: "5m", "1h"


class Prompts:
    """Everything that was said in a log, once."""

    def __init__(self, kept: int = KEPT) -> None:
        """``kept``: bytes of memory for texts of which everything is kept. Of what is long and comes later only the
        ends and a digest are: it is still told apart from all other text, but what differs within is not known."""
        self._texts = Texts(kept)
        self.blocks = self._texts.blocks
        self.units: list[Unit] = []
        self.prefixes = Prefixes()
        self.bodies = Prefixes()
        self._rows = {0: Prompt(0, 0, ())}  # by the numbers of ``bodies``
        self._sizes = array("Q", (0,))  # by prefix, as far as they were asked for
        self._heads = [(0, 0)]  # the same
        self._known: dict[_Form, dict[bytes, int]] = {}

    def read(self, dialect: str, body: Mapping[str, Json], write: Callable[[Json], bytes] = orjson.dumps) -> Prompt:
        """The prompt of a parsed body. What is no JSON in it (``orjson`` says so) is no prompt: ``TypeError``.

        ``write``: what is as good as ``orjson.dumps`` for its items, and quicker.
        """
        units = 0
        for member in MEMBERS.get(dialect, ()):
            if member not in body:
                continue
            value = body[member]
            if isinstance(value, Row):
                units = self._after_row(units, dialect, member, value)
            else:
                units = self.bodies.of(self._units_of(dialect, member, value, write), units)
        prompt = self._prompt(units)
        last = self.prefixes.length[prompt.blocks] - 1
        if dialect == "anthropic_messages" and last >= 0 and isinstance(body.get("cache_control"), dict):
            marks = marks_in(dialect, {"cache_control": body["cache_control"]})
            return prompt._replace(marks=(*prompt.marks, *((last, mark.ttl) for mark in marks)))
        return prompt

    def _prompt(self, units: int) -> Prompt:
        """That of a row of units. One that goes on where another ended is made from that one's."""
        known, parent, fresh, at = self._rows, self.bodies.parent, list[int](), units
        while (found := known.get(at)) is None:
            fresh.append(self.bodies.block[at])
            at = parent[at]
        if not fresh:
            return found
        blocks, marks = found.blocks, found.marks
        before, numbers = self.prefixes.length[blocks], list[int]()
        for number in reversed(fresh):
            unit = self.units[number]
            if unit.marks:
                begin = before + len(numbers)
                marks = (*marks, *[(begin + at, ttl) for at, ttl in unit.marks])
            numbers += unit.blocks
        prompt = known[units] = Prompt(self.prefixes.of(numbers, blocks), units, marks)
        return prompt

    @property
    def shortened(self) -> int:
        """Blocks of which only the ends were kept."""
        return self._texts.shortened

    def number(self, block: Block) -> int:
        """Of a block, also of one that stands for something a log does not have."""
        return self._texts.number(block)

    def size(self, prefix: int) -> int:
        """Characters of all its blocks."""
        return self.sizes()[prefix]

    def sizes(self) -> Sequence[int]:
        """The same of every prefix, by its number."""
        sizes, parent = self._sizes, self.prefixes.parent
        if len(sizes) < len(parent):
            block, blocks = self.prefixes.block, self.blocks
            for n in range(len(sizes), len(parent)):  # a prefix is younger than those that it begins with
                sizes.append(sizes[parent[n]] + blocks[block[n]].size)
        return sizes

    def heads(self, prefix: int) -> tuple[int, int]:
        """With how many tools it begins, and with how many blocks that are no messages."""
        heads, prefixes = self._heads, self.prefixes
        for n in range(len(heads), prefix + 1):
            parent = prefixes.parent[n]
            tools, all_ = before = heads[parent]
            if all_ == prefixes.length[parent] and (tier := self.blocks[prefixes.block[n]].tier) != "messages":
                before = tools + (tier == "tools"), all_ + 1
            heads.append(before)
        return heads[prefix]

    def measure(self) -> None:
        """Count all sizes anew: those of some blocks have been learned."""
        del self._sizes[1:]

    def row(self, prompt: Prompt) -> list[Block]:
        """The blocks of a prompt."""
        return [self.blocks[number] for number in self.prefixes.row(prompt.blocks)]

    def _after_row(self, units: int, dialect: str, member: str, row: Row) -> int:
        """The same for a row of which the beginning, or all, may be known."""
        if row.known is not None and row.known[:2] == (units, dialect):
            return row.known.units
        begun = row.begun if row.known is None else None
        if begun is not None and begun[:2] == (units, dialect):
            form = _Form(dialect, member, True, member not in _TALKS)
            after = self.bodies.of(self._all(form, row[row.kept :]), begun.units)
        else:
            after = self.bodies.of(self._units_of(dialect, member, row), units)
            if member in _TALKS and all(map(_is_leading, row)):
                return after  # the next one may be one more of the system prompt
        row.known = Known(units, dialect, after)
        return after

    def _units_of(
        self, dialect: str, member: str, value: Json, write: Callable[[Json], bytes] = orjson.dumps
    ) -> list[int]:
        listed = isinstance(value, list)
        if listed and not value:
            return [self._empty(_Form(dialect, member, True, True))]
        row: Sequence[Json] = value if isinstance(value, list) else (value,)
        begin = 0
        if member in _TALKS:
            begin = next((n for n, item in enumerate(row) if not _is_leading(item)), len(row) - 1) + 1
        first = self._all(_Form(dialect, member, listed, True), row[:begin], write)
        return first + self._all(_Form(dialect, member, listed, member not in _TALKS), row[begin:], write)

    def _all(self, form: _Form, items: Sequence[Json], write: Callable[[Json], bytes] = orjson.dumps) -> list[int]:
        """At the speed of dictionaries, for nearly all are known."""
        known = self._known.setdefault(form, {})
        data = list(map(write, items))
        found = list(map(known.get, data))
        if None not in found:
            return found  # type: ignore[return-value]
        return [
            self._one(form, known, item, text) if number is None else number
            for number, item, text in zip(found, items, data, strict=True)
        ]

    def _empty(self, form: _Form) -> int:
        """A list without items: nothing that a model reads, but a part of the body."""
        known = self._known.setdefault(form, {})
        if b"" not in known:
            known[b""] = len(self.units)
            self.units.append(Unit(form.member, True, b"", (), (), 0))
        return known[b""]

    def _one(self, form: _Form, known: dict[bytes, int], item: Json, data: bytes) -> int:
        key, found = data, known.get(data)
        cut = self._texts.cut() if found is None else None
        if cut is not None and len(data) > cut.long:
            key = blake2b(data, digest_size=16).digest()  # which no JSON is by chance
            found = known.get(key)
        if found is None:
            kept = None
            if key is data:
                key = kept = bytes(memoryview(data))  # without the room to grow that orjson leaves behind it
            found = known[key] = len(self.units)
            self.units.append(self._learn(form, item, kept))
            self._texts.room -= len(kept or b"")
        return found

    def _learn(self, form: _Form, item: Json, data: bytes | None) -> Unit:
        dialect, member, listed, leading = form
        body = {member: [item] if listed else item}
        pieces = outline(dialect, {member: [_bare(item)]} if member == "tools" and listed else body)
        if leading:
            tiered: Sequence[Piece] = pieces
        else:  # a system message in the midst of others is one of them
            tiered = [p if p.tier == "messages" else p._replace(tier="messages") for p in pieces]
        first = len(self.blocks)
        numbers = tuple(map(self._texts.number, blocks_of(tiered)))
        if data is not None and _MARKS[0] not in data and _MARKS[1] not in data:
            return Unit(member, listed, data, numbers, (), first)
        begins = [row[0].path for row in grouped(tiered)]
        found = ((place_of(begins, mark.path), mark.ttl) for mark in marks_in(dialect, body) if mark.path)
        marks = tuple((at, ttl) for at, ttl in found if at is not None)
        return Unit(member, listed, data, numbers, marks, first)


def _bare(tool: Json) -> Json:
    """Without its mark, which is no part of a prompt and may move from one tool to another."""
    return {k: v for k, v in tool.items() if k != MARK} if isinstance(tool, dict) and MARK in tool else tool


def _is_leading(item: Json) -> bool:
    return role_of(item) in LEADING
