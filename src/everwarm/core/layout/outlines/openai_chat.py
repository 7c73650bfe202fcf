"""Chat Completions as pieces."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from everwarm.core.layout.outlines.parts import LEADING, Place, definitions, role_of
from everwarm.core.layout.piece import Kind, Path, Piece, Tier, made
from everwarm.core.spellings.spelling import is_text
from everwarm.core.wire import Json

_TEXTS: Final = frozenset({"text"})
_RESULTS: Final = frozenset({"tool", "function"})  # roles
_MESSAGE: Final = frozenset({"role", "content", "tool_calls", "function_call", "tool_call_id"})
_CALL: Final = frozenset({"id", "type", "function"})
_FUNCTION: Final = frozenset({"arguments"})


def outline(value: Mapping[str, Json]) -> list[Piece]:
    """Tools, leading system and developer messages, all others."""
    pieces: list[Piece] = []
    for member in ("tools", "functions"):
        if member in value:
            definitions(pieces, member, value[member])
    messages = value.get("messages")
    if type(messages) is not list:
        Place(pieces, "messages", "").opaque(("messages",), messages)
        return pieces
    tier: Tier = "system"
    for i, message in enumerate(messages):
        easy = is_text(message)  # as most are
        role = message["role"] if easy else role_of(message)
        if tier == "system" and role not in LEADING:
            tier = "messages"
        if easy:
            kind: Kind = "result" if role in _RESULTS else "text"
            pieces.append(made(Piece, (("messages", i, "content"), tier, role, kind, message["content"], i)))
        else:
            _message(Place(pieces, tier, role, i), ("messages", i), message)
    return pieces


def _message(place: Place, path: Path, message: Json) -> None:
    if type(message) is not dict:
        place.opaque(path, message)
        return
    content = message.get("content")
    if content is not None:
        place.content((*path, "content"), content, _TEXTS, "result" if place.role in _RESULTS else "text")
    calls = message.get("tool_calls")
    if type(calls) is list:
        for i, call in enumerate(calls):
            _call(place, (*path, "tool_calls", i), call)
    elif calls is not None:
        place.opaque((*path, "tool_calls"), calls)
    if "function_call" in message:
        _function(place, (*path, "function_call"), message["function_call"])
    place.others(path, message, _MESSAGE)


def _call(place: Place, path: Path, call: Json) -> None:
    if type(call) is not dict:
        place.opaque(path, call)
        return
    _function(place, (*path, "function"), call.get("function"))
    place.others(path, call, _CALL)


def _function(place: Place, path: Path, function: Json) -> None:
    """The name of what is called, and whatever else is said of it; then the arguments."""
    if type(function) is not dict:
        place.opaque(path, function)
        return
    place.others(path, function, _FUNCTION)
    place.string((*path, "arguments"), function.get("arguments"), "arguments")
