"""What bodies are made of: tools, system prompts and messages, each known by its JSON and looked at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import orjson

from everwarm.core.analysis.block import Block
from everwarm.core.analysis.blocks import blocks_of, grouped, place_of
from everwarm.core.analysis.texts import Texts, trimmed
from everwarm.core.layout.outline import outline
from everwarm.core.layout.outlines.parts import LEADING, MARK, role_of
from everwarm.core.layout.piece import Piece, made
from everwarm.core.marks import marks_in, may_have_marks
from everwarm.core.spellings.spelling import is_text
from everwarm.core.wire import Json

TALKS: Final = ("messages", "input")
"""Members with the conversation. They come last; system messages before all others in it are a system prompt."""


class Unit(NamedTuple):
    """One tool, message or system prompt, as it is in a body."""

    member: str  # of the body
    listed: bool  # whether it is one of a list there
    data: bytes | None  # its JSON, compact; b"" for the items of a list that has none; None: it was not kept
    blocks: tuple[int, ...]
    marks: tuple[tuple[int, str], ...]  # which of its blocks a client has marked, and the lifetime
    first: int  # blocks that were seen before it: one with this number or a higher one has the paths of this unit


class _Form:
    """What tells, besides its JSON, which unit it is; and what is known of this form."""

    __slots__ = ("dialect", "known", "leading", "listed", "member", "moulds", "talks")

    def __init__(self, dialect: str, member: str, listed: bool, leading: bool) -> None:
        self.dialect = dialect
        self.member = member
        self.listed = listed
        self.talks = listed and member in TALKS  # whether it is an item of a conversation
        self.leading = leading  # no message, or one before which there are system messages only
        self.known: dict[bytes, int] = {}  # by JSON, or by its digest
        self.moulds: dict[str, Block] = {}  # by role: of a message that says nothing


class Units:
    """All of a log."""

    def __init__(self, texts: Texts) -> None:
        self.all: list[Unit] = []
        self._texts = texts
        self._forms: dict[tuple[str, str, bool, bool], _Form] = {}

    def of(
        self, dialect: str, member: str, value: Json, write: Callable[[Json], bytes] = orjson.dumps
    ) -> Sequence[int]:
        """The numbers of those that the value of a member is made of.

        ``write``: what is as good as ``orjson.dumps`` for its items, and quicker.
        """
        listed = isinstance(value, list)
        if listed and not value:
            return (self._empty(self._form(dialect, member, True, True)),)
        row: Sequence[Json] = value if isinstance(value, list) else (value,)
        begin = 0
        if member in TALKS:
            begin = next((n for n, item in enumerate(row) if not _leads(item)), len(row) - 1) + 1
        first = self._known(self._form(dialect, member, listed, True), row[:begin], write) if begin else []
        return first + self._known(self._form(dialect, member, listed, member not in TALKS), row[begin:], write)

    def more(self, dialect: str, member: str, items: Sequence[Json]) -> Sequence[int]:
        """The same of items that stand in the list behind others, which do not all ``lead``."""
        return self._known(self._form(dialect, member, True, member not in TALKS), items, orjson.dumps)

    def lead(self, member: str, items: Sequence[Json]) -> bool:
        """Whether they are system messages only, so that one that comes next may be one more of the system prompt."""
        return member in TALKS and all(map(_leads, items))

    def _form(self, dialect: str, member: str, listed: bool, leading: bool) -> _Form:
        key = dialect, member, listed, leading
        found = self._forms.get(key)
        if found is None:
            found = self._forms[key] = _Form(*key)
        return found

    def _empty(self, form: _Form) -> int:
        """A list without items: nothing that a model reads, but a part of the body."""
        if b"" not in form.known:
            form.known[b""] = len(self.all)
            self.all.append(Unit(form.member, True, b"", (), (), 0))
        return form.known[b""]

    def _known(self, form: _Form, items: Sequence[Json], write: Callable[[Json], bytes]) -> list[int]:
        """At the speed of dictionaries, for nearly all are known."""
        data = list(map(write, items))
        found = list(map(form.known.get, data))
        if None in found:
            for n, number in enumerate(found):
                if number is None:
                    found[n] = self._one(form, items[n], data[n])
        return found  # type: ignore[return-value]

    def _one(self, form: _Form, item: Json, data: bytes) -> int:
        known = form.known
        found = known.get(data)
        if found is not None:  # it was in the same list, further ahead
            return found
        cut = self._texts.cut()
        kept: bytes | None = None
        if cut is not None and len(data) > cut.long:
            key = blake2b(data, digest_size=16).digest()  # which no JSON is by chance
            found = known.get(key)
            if found is not None:
                return found
        else:
            key = kept = trimmed(data)
        found = known[key] = len(self.all)
        self.all.append(self._learn(form, item, kept))
        self._texts.room -= len(kept or b"")
        return found

    def _learn(self, form: _Form, item: Json, data: bytes | None) -> Unit:
        member, listed, first = form.member, form.listed, len(self._texts.blocks)
        if form.talks and is_text(item):
            return made(Unit, (member, True, data, (self._texts.number(_said(form, item)),), (), first))
        body = {member: [item] if listed else item}
        pieces = _pieces(form, {member: [_bare(item)]} if member == "tools" and listed else body)
        numbers = tuple(map(self._texts.number, blocks_of(pieces)))
        if data is not None and not may_have_marks(data):
            return made(Unit, (member, listed, data, numbers, (), first))
        begins = [row[0].path for row in grouped(pieces)]
        found = ((place_of(begins, mark.path), mark.ttl) for mark in marks_in(form.dialect, body) if mark.path)
        marks = tuple((at, ttl) for at, ttl in found if at is not None)
        return Unit(member, listed, data, numbers, marks, first)


def _pieces(form: _Form, body: dict[str, Json]) -> Sequence[Piece]:
    pieces = outline(form.dialect, body)
    if form.leading or not pieces or pieces[0].tier == "messages":
        return pieces
    return [piece._replace(tier="messages") for piece in pieces]  # a system message in the midst of others is one


def _said(form: _Form, message: dict[str, str]) -> Block:
    """Of a message that is a role and a text, as most are: but for its text it is as all others of this role."""
    role, text = message["role"], message["content"]
    mould = form.moulds.get(role)
    if mould is None:
        empty = _pieces(form, {form.member: [{"role": role, "content": ""}]})
        (mould,) = blocks_of(empty)
        form.moulds[role] = mould
    (piece,) = mould.pieces
    said = made(Piece, (piece.path, piece.tier, role, piece.kind, text, piece.message))
    return made(Block, (mould.tier, role, True, mould.text + text, (said,), mould.size + len(text)))


def _bare(tool: Json) -> Json:
    """Without its mark, which is no part of a prompt and may move from one tool to another."""
    return {k: v for k, v in tool.items() if k != MARK} if isinstance(tool, dict) and MARK in tool else tool


def _leads(item: Json) -> bool:
    return role_of(item) in LEADING
