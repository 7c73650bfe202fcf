"""Responses as pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from everwarm.core.layout.outlines.parts import LEADING, Place, definitions, role_of
from everwarm.core.layout.piece import Path, Piece, Tier
from everwarm.core.wire import Json

_TEXTS: Final = frozenset({"input_text", "output_text", "text"})
_MESSAGE: Final = frozenset({"type", "id", "status", "role", "content"})
_CALL: Final = frozenset({"type", "id", "status", "call_id", "arguments"})
_OUTPUT: Final = frozenset({"type", "id", "status", "call_id", "output"})
_OUTPUTS: Final = frozenset({"function_call_output", "custom_tool_call_output"})


def outline(value: Mapping[str, Json]) -> list[Piece]:
    """Tools, instructions, leading system and developer messages, all other items."""
    pieces: list[Piece] = []
    definitions(pieces, "tools", value.get("tools"))
    before = Place(pieces, "system", "system")
    before.string(("instructions",), value.get("instructions"), "text")
    before.opaque(("prompt",), value.get("prompt"))
    items = value.get("input")
    if type(items) is not list:
        Place(pieces, "messages", "user", 0).string(("input",), items, "text")
        return pieces
    tier: Tier = "system"
    for i, item in enumerate(items):
        if role_of(item) not in LEADING:
            tier = "messages"
        _item(pieces, tier, i, item)
    return pieces


def _item(pieces: list[Piece], tier: Tier, i: int, item: Json) -> None:
    path: Path = ("input", i)
    kind = item.get("type", "message") if type(item) is dict else None
    if kind == "message":
        place = Place(pieces, tier, role_of(item), i)
        place.content((*path, "content"), item.get("content"), _TEXTS)
        place.others(path, item, _MESSAGE)
    elif kind == "function_call":
        place = Place(pieces, tier, "assistant", i)
        place.others(path, item, _CALL)
        place.string((*path, "arguments"), item.get("arguments"), "arguments")
    elif type(kind) is str and kind in _OUTPUTS:
        place = Place(pieces, tier, "tool", i)
        place.content((*path, "output"), item.get("output"), _TEXTS, "result")
        place.others(path, item, _OUTPUT)
    else:
        Place(pieces, tier, _of_whom(item, kind), i).opaque(path, item)


def _of_whom(item: Json, kind: Json) -> str:
    """Items are what a model said, but for what its tools gave."""
    return role_of(item, "tool" if type(kind) is str and kind.endswith("_output") else "assistant")
