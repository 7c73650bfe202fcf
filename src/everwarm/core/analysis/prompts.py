"""The prompts of a log, in which nearly everything was there before: each stretch is looked at and kept once.

A body is taken apart into *units* (a tool, a message, a system prompt), which are known by their JSON; a unit was made
into blocks when it was seen first. So a request costs a look-up for each of its messages, however long they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from everwarm.core.analysis.block import Block
from everwarm.core.analysis.meanings import Kinds, Meanings
from everwarm.core.analysis.prefixes import Prefixes
from everwarm.core.analysis.row import Row
from everwarm.core.analysis.texts import KEPT, Texts
from everwarm.core.analysis.units import Units
from everwarm.core.marks import marks_in
from everwarm.core.wire import Json

MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "openai_chat": ("tools", "functions", "messages"),
    "anthropic_messages": ("tools", "system", "messages"),
    "openai_responses": ("tools", "instructions", "prompt", "input"),
    "openai_completions": ("prompt", "suffix"),
}
"""Of a body what a model reads, in rendered order. By dialect."""

_OF_BLOCK: Final = 900
_OF_STEP: Final = 150
"""Bytes of a block besides its text, and of a step of a prefix: in all tables that have it."""


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
        self.kinds = Kinds(self.blocks)
        self.meanings = Meanings(self.blocks)
        self._units = Units(self._texts)
        self.units = self._units.all
        self.prefixes = Prefixes()
        self.bodies = Prefixes()
        self._rows = {0: Prompt(0, 0, ())}  # by the numbers of ``bodies``
        self._sizes = array("Q", (0,))  # by prefix, as far as they were asked for
        self._heads = [(0, 0)]  # the same

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
                units = self.bodies.of(self._units.of(dialect, member, value, write), units)
        prompt = self._prompt(units)
        if dialect == "anthropic_messages" and prompt.blocks and isinstance(body.get("cache_control"), dict):
            last = self.prefixes.length[prompt.blocks] - 1
            marks = marks_in(dialect, {"cache_control": body["cache_control"]})
            return prompt._replace(marks=(*prompt.marks, *((last, mark.ttl) for mark in marks)))
        return prompt

    def _prompt(self, units: int) -> Prompt:
        """That of a row of units. One that goes on where another ended is made from that one's."""
        known, parent, at = self._rows, self.bodies.parent, units
        fresh: list[int] = []
        while (found := known.get(at)) is None:
            fresh.append(self.bodies.block[at])
            at = parent[at]
        if not fresh:
            return found
        blocks, marks = found.blocks, found.marks
        before = self.prefixes.length[blocks]
        numbers: list[int] = []
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

    @property
    def kept(self) -> int:
        """Bytes of memory for texts of which everything is kept."""
        return self._texts.kept

    @property
    def held(self) -> int:
        """Bytes of memory that all of it takes, or will when it is analysed: as was measured."""
        steps = len(self.prefixes) + len(self.bodies)
        return self._texts.held + _OF_BLOCK * len(self.blocks) + _OF_STEP * steps

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
            return row.known[2]
        begun = row.begun if row.known is None else None
        row.begun = None  # rows of a long conversation are let go of
        if begun is not None and begun.known is None:  # as where one more piece of it will be said again
            self._after_row(units, dialect, member, begun)
        if begun is not None and begun.known is not None and begun.known[:2] == (units, dialect):
            after = self.bodies.of(self._units.more(dialect, member, row[len(begun) :]), begun.known[2])
        else:
            after = self.bodies.of(self._units.of(dialect, member, row), units)
            if self._units.lead(member, row):
                return after
        row.known = (units, dialect, after)
        return after
