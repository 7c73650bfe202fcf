"""A request's tools in the forms, and in the order, in which their stream had them first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from everwarm.core.layout.compact import compact
from everwarm.core.layout.finding import Cure, Finding
from everwarm.core.layout.forms import Forms
from everwarm.core.layout.meaning import difference, has_numbers, meaning
from everwarm.core.layout.notes import Notes
from everwarm.core.layout.outlines.parts import MARK
from everwarm.core.layout.piece import Path
from everwarm.core.layout.sights import Sights
from everwarm.core.layout.splice import Edit
from everwarm.core.spellings import anthropic, openai_chat, openai_responses
from everwarm.core.wire import Json

MOST: Final = 512
"""Tools of one stream whose place is remembered."""


def respell_tools(
    notes: Notes,
    space: str,
    stream: bytes,
    dialect: str,
    member: str,
    tools: Sequence[Json],
    sights: Sights[bytes] | None = None,
    *,
    closely: bool = True,
) -> tuple[list[Edit], list[Finding]]:
    """``tools`` stand in ``member`` of the body. See ``spelling.respell``."""
    new = list(tools)
    findings: list[Finding] = []
    free = [i for i, tool in enumerate(tools) if type(tool) is dict and not _is_ordered(dialect, tool)]
    bare = [_bare(tools[i]) for i in free]
    texts = [compact(tool).decode() for tool in bare]
    forms = Forms(notes, space, stream, sights=sights).row("definition", texts, bare)
    for i, text, form in zip(free, texts, forms, strict=True):
        if form != text:
            if closely:
                findings.append(_finding((member, i), tools[i], difference(text, form), "respell"))
            new[i] = orjson.loads(form) | ({MARK: tools[i][MARK]} if MARK in tools[i] else {})
    places = _order(notes, space, stream, member, tools)
    moved = [i for i, place in enumerate(places) if i != place]
    if moved and all(_is_exact(tool) for tool, form in zip(tools, new, strict=True) if tool is form):
        if closely:
            findings.append(_finding((member, moved[0]), tools[moved[0]], "shuffled tools", "reorder"))
        new = [new[place] for place in places]
    edits = [Edit((member, i), "replace", tool) for i, tool in enumerate(new) if tool is not tools[i]]
    return edits, findings


def _bare(tool: dict[str, Json]) -> dict[str, Json]:
    """The tool without its mark, which is no part of what it means and may move from one tool to another."""
    return {k: v for k, v in tool.items() if k != MARK} if MARK in tool else tool


def _finding(path: Path, tool: Json, kind: str, cure: Cure) -> Finding:
    return Finding(path, 0, len(compact(tool).decode()), kind, cure, True, 0, 0)


def _is_ordered(dialect: str, tool: dict[str, Json]) -> bool:
    """Whether the order of its keys may be meaning."""
    if dialect == "openai_responses":
        return not openai_responses.is_loose(tool)
    return openai_chat.is_strict(tool) or anthropic.is_strict(tool)


def _is_exact(tool: Json) -> bool:
    """Whether it can be written again without loss: its numbers are what the client wrote."""
    try:
        form = orjson.dumps(tool)
    except orjson.JSONEncodeError:
        return False
    return not has_numbers(form) or meaning(form.decode()) is not None


def _order(notes: Notes, space: str, stream: bytes, member: str, tools: Sequence[Json]) -> list[int]:
    """The places of ``tools`` in the order first seen; those not seen before last, as they came.

    As they came, all, if two have one name or one has none, or if one carries a mark, whose place is meaning.
    """
    as_they_came = list(range(len(tools)))
    names = [name_of(tool) for tool in tools]
    if None in names or len(set(names)) < len(names) or any(MARK in tool for tool in tools):
        return as_they_came
    note = b"%d:%b:%b" % (len(stream), stream, member.encode())
    known = orjson.loads(notes.get(space, "order", note) or b"[]")
    place = {name: i for i, name in enumerate(known)}
    new = [name for name in names if name not in place]
    if new and len(known) < MOST:
        notes.put(space, "order", note, compact([*known, *new][:MOST]))
    return sorted(as_they_came, key=lambda i: place.get(names[i], MOST + i))


def name_of(tool: Json) -> str | None:
    """What tells a tool from others: its name, wherever its protocol puts that; the type of one that has no name. None
    for what has neither."""
    if type(tool) is not dict:
        return None
    for holder in (tool, tool.get("function"), tool.get("custom")):
        if type(holder) is dict and type(holder.get("name")) is str:
            return f"name {holder['name']}"
    return f"type {tool['type']}" if type(tool.get("type")) is str else None
