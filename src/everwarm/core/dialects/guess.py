"""In which dialect a body is written, where nothing but the body says so: a file, a line of a log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from everwarm.core.dialects import anthropic, openai_chat, openai_completions, openai_responses
from everwarm.core.dialects.dialect import Dialect
from everwarm.core.wire import Json

ASKING: Final = frozenset(("messages", "input", "instructions", "prompt"))
"""Members of which each request has one."""

_OF_ANTHROPIC: Final = frozenset(("system", "stop_sequences", "thinking", "top_k", "mcp_servers", "context_management"))
"""Members that OpenAI's chat protocol does not have."""

_OF_OPENAI: Final = ("system", "developer", "tool")
"""Roles of messages that Anthropic's protocol does not have."""

_PARTS: Final = frozenset(("tool_use", "tool_result", "thinking", "redacted_thinking", "document", "server_tool_use"))
"""Types of parts of a message that only Anthropic's protocol has."""

WRAPPINGS: Final = ("body", "request", "request_body")
"""Members of a line of a log in which the body may stand: the first is that of OpenAI's batches."""


def dialect_of(value: Mapping[str, Json]) -> Dialect | None:
    """The dialect of a parsed body. None for what is a request in none.

    A body that may be one of two (``messages`` and ``max_tokens``, and nothing else that tells) is Anthropic's if its
    model is called so, else OpenAI's chat.
    """
    if isinstance(value.get("messages"), list):
        return anthropic.DIALECT if _is_anthropic(value) else openai_chat.DIALECT
    if "input" in value or "instructions" in value:
        return openai_responses.DIALECT
    return openai_completions.DIALECT if "prompt" in value else None


def wrapped(value: Mapping[str, Json]) -> Mapping[str, Json] | str | None:
    """What a value that is no request itself holds in place of one: an object, or JSON in a text. None if nothing."""
    if dialect_of(value) is not None:
        return None
    inner = (value.get(member) for member in WRAPPINGS)
    return next((each for each in inner if isinstance(each, dict | str)), None)


def _is_anthropic(value: Mapping[str, Json]) -> bool:
    if "max_tokens" not in value:
        return False  # which that protocol demands
    if not _OF_ANTHROPIC.isdisjoint(value) or any("input_schema" in tool for tool in _objects(value.get("tools"))):
        return True
    messages = value.get("messages")
    if any(each.get("role") in _OF_OPENAI or "tool_calls" in each for each in _objects(messages)):
        return False
    parts = (part for message in _objects(messages) for part in _objects(message.get("content")))
    if any(part.get("type") in _PARTS or "cache_control" in part for part in parts):
        return True
    return "claude" in str(value.get("model", "")).lower()


def _objects(value: Json) -> Iterator[Mapping[str, Json]]:
    """Those of a list that are objects."""
    yield from (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()
