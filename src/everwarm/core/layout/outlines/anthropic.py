"""Messages as pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from everwarm.core.layout.outlines.parts import MARK, Place, definitions, role_of
from everwarm.core.layout.piece import Path, Piece
from everwarm.core.wire import Json

_TEXTS: Final = frozenset({"text"})
_MESSAGE: Final = frozenset({"role", "content"})
_CALL: Final = frozenset({"type", "id", MARK})
_RESULT: Final = frozenset({"type", "tool_use_id", "content", MARK})


def outline(value: Mapping[str, Json]) -> list[Piece]:
    """Tools, system, messages."""
    pieces: list[Piece] = []
    definitions(pieces, "tools", value.get("tools"))
    system = value.get("system")
    if system is not None:
        Place(pieces, "system", "system").content(("system",), system, _TEXTS)
    messages = value.get("messages")
    if type(messages) is not list:
        Place(pieces, "messages", "").opaque(("messages",), messages)
        return pieces
    for i, message in enumerate(messages):
        _message(Place(pieces, "messages", role_of(message), i), ("messages", i), message)
    return pieces


def _message(place: Place, path: Path, message: Json) -> None:
    if type(message) is not dict:
        place.opaque(path, message)
        return
    content, inner = message.get("content"), (*path, "content")
    if type(content) is list:
        for i, block in enumerate(content):
            _block(place, (*inner, i), block)
    else:
        place.string(inner, content, "text")
    place.others(path, message, _MESSAGE)


def _block(place: Place, path: Path, block: Json) -> None:
    kind = block.get("type") if type(block) is dict else None
    if kind == "tool_use":
        place.others(path, block, _CALL)
    elif kind == "tool_result":
        result = Place(place.pieces, place.tier, "tool", place.message)
        result.content((*path, "content"), block.get("content"), _TEXTS, "result")
        result.others(path, block, _RESULT)
    else:
        place.part(path, block, _TEXTS)
