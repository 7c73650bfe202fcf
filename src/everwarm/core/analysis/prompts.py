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

from everwarm.core.analysis.block import CUTS, Block, Cut, shortened
from everwarm.core.analysis.blocks import blocks_of, grouped, place_of
from everwarm.core.analysis.prefixes import Prefixes
from everwarm.core.analysis.row import Known, Row
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

KEPT: Final = 448 * 1024 * 1024
"""Bytes of memory for texts, by default: each is there as JSON, as a piece and as a block. Then long ones are cut."""

_ENDS: Final = 128 * 1024 * 1024
"""The same for texts that are shortened. Then they are shortened more."""

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
        self.shortened = 0  # blocks
        self._room = kept
        self.blocks: list[Block] = []
        self.units: list[Unit] = []
        self.prefixes = Prefixes()
        self.bodies = Prefixes()
        self._rows = [Prompt(0, 0, ())]  # by the numbers of ``bodies``
        self._sizes = array("Q", (0,))  # by prefix, as far as they were asked for
        self._heads = [(0, 0)]  # the same
        self._numbers: dict[tuple[str, str, bool, str], int] = {}
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
        rows = self._rows
        for n in range(len(rows), len(self.bodies)):
            blocks, _, marks = rows[self.bodies.parent[n]]
            unit, before = self.units[self.bodies.block[n]], self.prefixes.length[blocks]
            for block in unit.blocks:
                blocks = self.prefixes.after(blocks, block)
            if unit.marks:
                marks = (*marks, *((before + at, ttl) for at, ttl in unit.marks))
            rows.append(Prompt(blocks, n, marks))
        return rows[units]

    def number(self, block: Block) -> int:
        """Of a block, also of one that stands for something a log does not have."""
        found = self._numbers.get(_key(block))
        if found is not None:
            return found
        cut = self._cut()
        if cut is None or len(block.text) <= cut.long:
            return self._add(block)
        for each in CUTS[: CUTS.index(cut) + 1]:  # it may have come when there was more room
            short = shortened(block, each)
            found = self._numbers.get(_key(short))
            if found is not None:
                return found
        self.shortened += short.text != block.text
        return self._add(short)

    def _add(self, block: Block) -> int:
        found = self._numbers[_key(block)] = len(self.blocks)
        self.blocks.append(block)
        self._room -= 2 * block.text.__sizeof__()  # that of its pieces, too
        return found

    def _cut(self) -> Cut | None:
        """How long texts are shortened; None as long as there is room."""
        return None if self._room > 0 else CUTS[self._room <= -_ENDS]

    def size(self, prefix: int) -> int:
        """Characters of all its blocks."""
        return self.sizes()[prefix]

    def sizes(self) -> Sequence[int]:
        """The same of every prefix, by its number."""
        sizes, prefixes, blocks = self._sizes, self.prefixes, self.blocks
        for n in range(len(sizes), len(prefixes)):  # a prefix is younger than those that it begins with
            sizes.append(sizes[prefixes.parent[n]] + blocks[prefixes.block[n]].size)
        return sizes

    def heads(self, prefix: int) -> tuple[int, int]:
        """With how many tools it begins, and with how many blocks that are no messages."""
        heads, prefixes = self._heads, self.prefixes
        for n in range(len(heads), len(prefixes)):
            tools, all_ = before = heads[prefixes.parent[n]]
            tier = self.blocks[prefixes.block[n]].tier
            goes_on = all_ == prefixes.length[prefixes.parent[n]] and tier != "messages"
            heads.append((tools + (tier == "tools"), all_ + 1) if goes_on else before)
        return heads[prefix]

    def measure(self) -> None:
        """Count all sizes anew: those of some blocks have been learned."""
        del self._sizes[1:]

    def row(self, prompt: Prompt) -> list[Block]:
        """The blocks of a prompt."""
        return [self.blocks[number] for number in self.prefixes.row(prompt.blocks)]

    def _after_row(self, units: int, dialect: str, member: str, row: Row) -> int:
        """The same for a row of which the beginning may be known."""
        before = row.known or row.begun
        if before is None or before[:2] != (units, dialect):
            after = self.bodies.of(self._units_of(dialect, member, row), units)
        else:
            kept = row.kept if row.known is None else len(row)
            fresh = self._all(_Form(dialect, member, True, member not in _TALKS), row[kept:]) if kept < len(row) else ()
            after = self.bodies.of(fresh, before.units)
        if member not in _TALKS or not all(map(_is_leading, row)):
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
        return [self._one(form, known, item, text) for item, text in zip(items, data, strict=True)]

    def _empty(self, form: _Form) -> int:
        """A list without items: nothing that a model reads, but a part of the body."""
        known = self._known.setdefault(form, {})
        if b"" not in known:
            known[b""] = len(self.units)
            self.units.append(Unit(form.member, True, b"", (), ()))
        return known[b""]

    def _one(self, form: _Form, known: dict[bytes, int], item: Json, data: bytes) -> int:
        key, found = data, known.get(data)
        cut = self._cut() if found is None else None
        if cut is not None and len(data) > cut.long:
            key = blake2b(data, digest_size=16).digest()  # which no JSON is by chance
            found = known.get(key)
        if found is None:
            kept = None
            if key is data:
                key = kept = bytes(memoryview(data))  # without the room to grow that orjson leaves behind it
            found = known[key] = len(self.units)
            self.units.append(self._learn(form, item, kept))
            self._room -= len(kept or b"")
        return found

    def _learn(self, form: _Form, item: Json, data: bytes | None) -> Unit:
        dialect, member, listed, leading = form
        body = {member: [item] if listed else item}
        pieces = outline(dialect, {member: [_bare(item)]} if member == "tools" and listed else body)
        if leading:
            tiered: Sequence[Piece] = pieces
        else:  # a system message in the midst of others is one of them
            tiered = [piece._replace(tier="messages") for piece in pieces]
        numbers = tuple(map(self.number, blocks_of(tiered)))
        if data is not None and not any(name in data for name in _MARKS):
            return Unit(member, listed, data, numbers, ())
        begins = [row[0].path for row in grouped(tiered)]
        found = ((place_of(begins, mark.path), mark.ttl) for mark in marks_in(dialect, body) if mark.path)
        marks = tuple((at, ttl) for at, ttl in found if at is not None)
        return Unit(member, listed, data, numbers, marks)


def _key(block: Block) -> tuple[str, str, bool, str]:
    return block.tier, block.role, block.opens, block.text


def _bare(tool: Json) -> Json:
    """Without its mark, which is no part of a prompt and may move from one tool to another."""
    return {k: v for k, v in tool.items() if k != MARK} if isinstance(tool, dict) and MARK in tool else tool


def _is_leading(item: Json) -> bool:
    return role_of(item) in LEADING
