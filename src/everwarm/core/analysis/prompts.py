"""The prompts of a log, in which nearly everything was there before: each stretch is looked at and kept once.

A body is taken apart into *units* (a tool, a message, a system prompt), which are known by their JSON; a unit was made
into blocks when it was seen first. So a request costs a look-up for each of its messages, however long they are.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from everwarm.core.analysis.block import IMAGE, Block
from everwarm.core.analysis.prefixes import Prefixes
from everwarm.core.analysis.row import Known, Row
from everwarm.core.layout.outline import outline
from everwarm.core.layout.outlines.parts import LEADING
from everwarm.core.layout.piece import Path, Piece
from everwarm.core.marks import marks_in
from everwarm.core.wire import Json

MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "openai_chat": ("tools", "functions", "messages"),
    "anthropic_messages": ("tools", "system", "messages"),
    "openai_responses": ("tools", "instructions", "input"),
    "openai_completions": ("prompt",),
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
    data: bytes  # its JSON, compact
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

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.units: list[Unit] = []
        self.prefixes = Prefixes()
        self.bodies = Prefixes()
        self._rows = [Prompt(0, 0, ())]  # by the numbers of ``bodies``
        self._sizes = array("Q", (0,))  # by prefix, as far as they were asked for
        self._heads = [(0, 0)]  # the same
        self._numbers: dict[tuple[str, str, bool, str], int] = {}
        self._known: dict[_Form, dict[bytes, int]] = {}

    def read(self, dialect: str, body: Mapping[str, Json]) -> Prompt:
        """The prompt of a parsed body. What is no JSON in it (``orjson`` says so) is no prompt: ``TypeError``."""
        units = 0
        for member in MEMBERS.get(dialect, ()):
            value = body.get(member)
            if isinstance(value, Row):
                units = self._after_row(units, dialect, member, value)
            elif value is not None:
                units = self.bodies.of(self._units_of(dialect, member, value), units)
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
        key = block.tier, block.role, block.opens, block.text
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.blocks)
            self.blocks.append(block)
        return found

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

    def body(self, prompt: Prompt, rest: Mapping[str, Json]) -> bytes:
        """A body again, with ``rest`` as its other members, in compact JSON. Values and order of keys are as they were;
        the prompt's members come last."""
        rows: dict[str, list[Unit]] = {}
        for number in self.bodies.row(prompt.units):
            unit = self.units[number]
            rows.setdefault(unit.member, []).append(unit)
        members = [orjson.dumps(name) + b":" + orjson.dumps(value) for name, value in rest.items()]
        for name, row in rows.items():
            data = b",".join(unit.data for unit in row)
            members.append(b'"%b":%b' % (name.encode(), b"[%b]" % data if row[0].listed else data))
        return b"{%b}" % b",".join(members)

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

    def _units_of(self, dialect: str, member: str, value: Json) -> list[int]:
        listed = isinstance(value, list)
        row: Sequence[Json] = value if isinstance(value, list) else (value,)
        begin = 0
        if member in _TALKS:
            begin = next((n for n, item in enumerate(row) if not _is_leading(item)), len(row) - 1) + 1
        first = self._all(_Form(dialect, member, listed, True), row[:begin])
        return first + self._all(_Form(dialect, member, listed, member not in _TALKS), row[begin:])

    def _all(self, form: _Form, items: Sequence[Json]) -> list[int]:
        """At the speed of dictionaries, for nearly all are known."""
        known = self._known.setdefault(form, {})
        data = list(map(orjson.dumps, items))
        found = list(map(known.get, data))
        if None not in found:
            return found  # type: ignore[return-value]
        for item, text in zip(items, data, strict=True):
            if text not in known:
                known[text] = len(self.units)
                self.units.append(self._learn(form, item, text))
        return [known[text] for text in data]

    def _learn(self, form: _Form, item: Json, data: bytes) -> Unit:
        dialect, member, listed, leading = form
        body = {member: [item] if listed else item}
        pieces = outline(dialect, body)
        if leading:
            tiered: Sequence[Piece] = pieces
        else:  # a system message in the midst of others is one of them
            tiered = [piece._replace(tier="messages") for piece in pieces]
        numbers = tuple(map(self.number, blocks_of(tiered)))
        begins = [row[0].path for row in _grouped(tiered)]
        marked = marks_in(dialect, body) if any(name in data for name in _MARKS) else ()
        found = ((_place(begins, mark.path), mark.ttl) for mark in marked if mark.path)
        marks = tuple((at, ttl) for at, ttl in found if at is not None)
        return Unit(member, listed, data, numbers, marks)


def _is_leading(item: Json) -> bool:
    return isinstance(item, dict) and item.get("role") in LEADING


def _grouped(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """By the part of the content that they belong to. What belongs to none (calls of tools) goes to the last one."""
    rows: list[list[Piece]] = []
    before: Path | None = None
    for piece in pieces:
        here = _part(piece.path)
        if not rows or (here is not None and here != before):
            rows.append([])
        before = here if here is not None else before
        rows[-1].append(piece)
    return rows


def _part(path: Path) -> Path | None:
    """The path of the part of a content; of a tool or a system prompt its own; None if it is in none."""
    if path[0] in ("messages", "input") and len(path) > 2:
        return path[:4] if path[2] == "content" else None
    return path[:2]


def _place(begins: Sequence[Path], path: Path) -> int | None:
    """Which block has what stands at this path. A mark within the result of a tool is its block's."""
    part = _part(path)
    return next((n for n, begin in enumerate(begins) if part is None or _part(begin) == part), None)


def blocks_of(pieces: Sequence[Piece]) -> list[Block]:
    """Those that the pieces of one message, tool or system prompt make. The paths of the pieces begin at the body."""
    if len(pieces) == 1:  # most of them: no more than it must cost
        return [_block(pieces, opens=True)]
    return [_block(row, opens=n == 0) for n, row in enumerate(_grouped(pieces))]


def _block(pieces: Sequence[Piece], *, opens: bool) -> Block:
    first = pieces[0]
    relative = tuple([Piece(_relative(p.path), p.tier, p.role, p.kind, p.text, 0) for p in pieces])
    head = f"\n<|{first.role}|>\n" if opens else ""
    text = head + first.text if len(pieces) == 1 else "".join([head, *[piece.text for piece in pieces]])
    size = len(head) + sum([IMAGE if _is_image(piece) else len(piece.text) for piece in pieces])
    return Block(first.tier, first.role, opens, text, relative, size)


def _relative(path: Path) -> Path:
    """Without the number of the message or tool, which is another one in each request."""
    return path[2:] if len(path) > 1 and isinstance(path[1], int) and path[0] != "system" else path


def _is_image(piece: Piece) -> bool:
    """Data of which a model does not read the letters."""
    return (
        piece.kind == "opaque"
        and len(piece.text) > IMAGE
        and ("base64" in piece.text[:200] or "data:" in piece.text[:200])
    )
