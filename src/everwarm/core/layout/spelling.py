"""What means the same as something seen before goes out in the form seen first.

A provider's cache knows a prompt by its bytes. A client that writes its tools from a set, or its JSON from a map, says
the same in other bytes with each request. Only a form that this stream has sent before is ever sent in place of
another; nothing here has an order of its own. Where order is meaning (strict tools, schemas of answers) all is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from everwarm.core import key
from everwarm.core.layout.finding import Finding
from everwarm.core.layout.forms import Forms
from everwarm.core.layout.meaning import difference
from everwarm.core.layout.notes import Notes
from everwarm.core.layout.objects import objects, read_at
from everwarm.core.layout.piece import Piece
from everwarm.core.layout.sights import Sights
from everwarm.core.layout.splice import Edit
from everwarm.core.layout.tools import respell_tools
from everwarm.core.wire import Json

LONGEST: Final = 2**18
"""Characters of a text that is read as JSON, or looked through for it."""

MOST_OBJECTS: Final = 64
"""Places in one system text that are tried as the beginning of an object."""

_BRACKETS: Final = frozenset({"{}", "[]"})
_SPACE: Final = " \t\n\r"
_BEGINS: Final = frozenset("{[" + _SPACE)
"""With what a text begins that may be JSON; a system text may also hold some."""


class Respelled(NamedTuple):
    """What to change in a body, and why."""

    edits: tuple[Edit, ...]
    findings: tuple[Finding, ...]  # what each one cost the caller fills in


class _Span(NamedTuple):
    """A stretch of a text that is to be another."""

    start: int
    end: int
    form: str


def respell(
    notes: Notes,
    space: str,
    stream: bytes,
    dialect: str,
    value: Mapping[str, Json],
    pieces: Sequence[Piece],
    sights: Sights[bytes] | None = None,
    *,
    closely: bool = True,
) -> Respelled:
    """Edits that give a body of this stream the forms seen first in it; forms that are new are noted.

    ``pieces``: the outline of the body ``value``. ``sights``: see ``Forms``. ``closely``: whether anything is found.

    The newest user message is never changed, nor is what once went out as it came. Forms of tools and of system
    texts are the stream's. Those of messages are the conversation's, which its first message tells from others: a
    prefix that holds them can be shared there alone, and what one conversation was shown is nothing that another
    one should be.
    """
    edits: list[Edit] = []
    findings: list[Finding] = []
    for member in ("tools", "functions"):
        if type(value.get(member)) is list:
            tools = value[member]
            changes, found = respell_tools(notes, space, stream, dialect, member, tools, sights, closely=closely)
            edits += changes
            findings += found
    for piece, spans in _respelled(notes, space, stream, dialect, pieces, sights):
        text = _replaced(piece.text, spans)
        edits.append(Edit(piece.path, "replace", orjson.loads(text) if piece.kind == "opaque" else text))
        if closely:
            findings += (_finding(piece, span) for span in spans)
    return Respelled(tuple(edits), tuple(findings))


def _respelled(
    notes: Notes, space: str, stream: bytes, dialect: str, pieces: Sequence[Piece], sights: Sights[bytes] | None
) -> Iterator[tuple[Piece, list[_Span]]]:
    """The pieces that go out in another form, and where they differ."""
    prose = [piece for piece in pieces if piece.tier != "tools"]  # a tool's definition has its own way
    likely = [piece for piece in prose if piece.text[:1] in _BEGINS or piece.tier == "system"]
    wanted = [piece for piece in likely if _may_hold_json(dialect, piece)]
    if not wanted:  # as in most requests without tools
        return
    newest = next((piece.message for piece in reversed(pieces) if _is_asked(piece)), -1)
    opening = next((piece for piece in pieces if piece.tier == "messages"), None)
    opened = opening.text if opening is not None else ""
    forms, of_talk = Forms(notes, space, stream, sights=sights), False
    for piece in wanted:
        if piece.tier == "messages" and piece is not opening and not of_talk:
            told = key.hint(opened.encode("utf-8", "surrogatepass"))
            forms, of_talk = Forms(notes, space, stream, told, sights=sights), True
        spans = _spans(forms, piece, fixed=piece.message == newest and _is_asked(piece))
        if spans:
            yield piece, spans
        if piece is opening:
            opened = _replaced(piece.text, spans)


def _may_hold_json(dialect: str, piece: Piece) -> bool:
    """Whether it is worth a look: most texts hold none, and that is soon told."""
    if piece.kind == "opaque":
        return _is_input(dialect, piece)
    if piece.tier == "system" and piece.kind == "text":
        return "{" in piece.text or piece.text[:1] in _BEGINS
    return piece.text[:1] in _BEGINS


def _is_asked(piece: Piece) -> bool:
    return piece.role == "user" and piece.kind == "text" and piece.tier == "messages"


def _spans(forms: Forms, piece: Piece, fixed: bool) -> list[_Span]:
    text = piece.text
    start, end = _json(text)
    if piece.tier == "system" and piece.kind == "text" and (not end or read_at(text, start)[1] != end):
        return list(_within(forms, text))
    if not end:
        return []
    whole = text[start:end]
    if piece.kind in ("opaque", "arguments"):
        form = forms.first("arguments", whole)
    else:
        form = forms.first(piece.kind, whole, again=True, fixed=fixed)
    return [_Span(start, end, form)] if form != whole else []


def _is_input(dialect: str, piece: Piece) -> bool:
    """Whether it is what Anthropic's protocol has in place of arguments in a string."""
    return dialect == "anthropic_messages" and piece.path[-1] == "input"


def _json(text: str) -> tuple[int, int]:
    """Where in a text stands what looks like one object or array that could be spelled in two ways; 0, 0 if none."""
    if len(text) > LONGEST:
        return 0, 0
    if len(text) > 2 and text[0] + text[-1] in _BRACKETS:  # as most are
        return 0, len(text)
    inner = text.strip(_SPACE)
    if len(inner) < 3 or inner[0] + inner[-1] not in _BRACKETS:
        return 0, 0
    start = text.index(inner[0])
    return start, start + len(inner)


def _within(forms: Forms, text: str) -> Iterator[_Span]:
    """Objects in a text."""
    if len(text) > LONGEST:
        return
    for start, end, value in objects(text, most=MOST_OBJECTS):
        if len(value) > 1:
            form = forms.first("text", text[start:end], again=True)
            if form != text[start:end]:
                yield _Span(start, end, form)


def _replaced(text: str, spans: Sequence[_Span]) -> str:
    for span in reversed(spans):
        text = text[: span.start] + span.form + text[span.end :]
    return text


def _finding(piece: Piece, span: _Span) -> Finding:
    kind = difference(piece.text[span.start : span.end], span.form)
    return Finding(piece.path, span.start, span.end, kind, "respell", True, 0, 0)
