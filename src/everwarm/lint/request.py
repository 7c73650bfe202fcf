"""A value from a file as a request body, and in which protocol it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from everwarm.core.layout.outline import outline, rendered
from everwarm.core.layout.piece import Piece

_WRAPPERS = ("request", "body", "request_body")
_ANTHROPIC = {"tool_use", "tool_result", "thinking"}


class Request(NamedTuple):
    """One request, as the model reads it."""

    dialect: str
    model: str
    pieces: tuple[Piece, ...]
    text: str  # all of them, as the model reads them


def request_of(value: object) -> Request | None:
    """A body, or what has one as ``request`` or ``body``; None for anything else."""
    for _ in range(3):
        if not isinstance(value, dict):
            return None
        dialect = dialect_of(value)
        if dialect:
            pieces = outline(dialect, value)
            return Request(dialect, str(value.get("model", "")), pieces, rendered(pieces))
        value = _unwrapped(next((value[name] for name in _WRAPPERS if name in value), None))
    return None


def dialect_of(body: Mapping[str, Any]) -> str:
    """The protocol that a body is in, "" if it is none."""
    if isinstance(body.get("messages"), list):
        return "anthropic_messages" if _is_anthropic(body) else "openai_chat"
    if "model" in body and ("input" in body or "instructions" in body):
        return "openai_responses"
    return "openai_completions" if "model" in body and isinstance(body.get("prompt"), str) else ""


def _is_anthropic(body: Mapping[str, Any]) -> bool:
    tools = body.get("tools")
    listed = tools if isinstance(tools, list) else []
    if "system" in body or any(isinstance(tool, dict) and "input_schema" in tool for tool in listed):
        return True
    contents = (message.get("content") for message in body["messages"] if isinstance(message, dict))
    blocks = (block for content in contents if isinstance(content, list) for block in content)
    return any(isinstance(b, dict) and (b.get("type") in _ANTHROPIC or "cache_control" in b) for b in blocks)


def _unwrapped(value: object) -> object:
    """Some logs keep the body as a text."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
