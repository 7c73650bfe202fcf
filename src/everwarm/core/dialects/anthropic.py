"""Anthropic Messages: the dialect as a whole; what is read of a request without building it.

Source: Claude API reference, "Create a Message", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

from everwarm.core.answer import Form, Verdict
from everwarm.core.dialects import anthropic_answer, anthropic_error, anthropic_request
from everwarm.core.dialects.anthropic_writer import MessageEvents
from everwarm.core.dialects.check import flag, model
from everwarm.core.dialects.dialect import Dialect, Envelope, Head, Vendor, Writer
from everwarm.core.wire import Json, Request
from everwarm.errors import EverwarmError


class AnthropicMessages:
    """See ``dialect.Dialect``."""

    name = "anthropic_messages"
    vendor: Vendor = "anthropic"
    path = "/v1/messages"

    def envelope(self, value: Mapping[str, Json]) -> Envelope:
        stream = flag(value.get("stream"), "stream")
        return Envelope(model(value.get("model")), Form(stream), value.get("temperature") != 0)

    def obstacle(self, value: Mapping[str, Json]) -> str | None:
        return obstacle(value)

    def parse(self, value: Mapping[str, Json]) -> Request:
        return anthropic_request.parse(self.name, value)

    def writer(self, head: Head, request: Request) -> Writer:
        return MessageEvents(head)

    def judge(self, answer: bytes, form: Form) -> Verdict:
        return anthropic_answer.judge(answer, form)

    def convert(self, answer: bytes, have: Form, want: Form) -> bytes | None:
        return anthropic_answer.convert(answer, have, want)

    def strainer(self, have: Form, want: Form) -> Callable[[bytes], bytes] | None:
        return None  # there is one form of stream

    def error(self, e: EverwarmError) -> bytes:
        return anthropic_error.error(e)

    def error_event(self, e: EverwarmError) -> bytes:
        return anthropic_error.error_event(e)


DIALECT: Final[Dialect] = AnthropicMessages()


def parse_count(value: Mapping[str, Json]) -> Request:
    """A request whose tokens are only counted. Raises ``BadRequest`` as ``parse`` does."""
    return anthropic_request.parse_count(AnthropicMessages.name, value)


_KEPT: Final = {
    "mcp_servers": "the answer looks at the world",
    "container": "the answer changes what is in it",
    "thread": "the answer becomes part of it",
}
"""Members that tie an answer to more than the request."""

_HARMLESS: Final = ("bash_", "text_editor_", "computer_", "browser_", "memory_", "tool_search_tool_")
"""How the types of those tools begin that the client runs, or that look only at what is in the request."""


def obstacle(value: Mapping[str, Json]) -> str | None:
    """See ``dialect.Dialect.obstacle``. A tool of a type that is not known may do anything."""
    kept = (f"{name}: {why}" for name, why in _KEPT.items() if value.get(name))
    acting = (f"{_named(t.get('type'))} looks at the world" for t in _tools(value) if not _is_harmless(t.get("type")))
    return next(chain(kept, acting), None)


def _is_harmless(kind: Json) -> bool:
    return kind is None or kind == "custom" or (type(kind) is str and kind.startswith(_HARMLESS))


def _tools(value: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """The tools that a request defines: at its head, or in the middle of the conversation."""
    yield from _objects(value.get("tools"))
    for message in _objects(value.get("messages")):
        for block in _objects(message.get("content")):
            added = block.get("tool") if block.get("type") == "tool_addition" else None
            yield from _objects([added.get("definition")] if type(added) is dict else None)


def _objects(value: Json) -> Iterator[dict[str, Json]]:
    return (v for v in value if type(v) is dict) if type(value) is list else iter(())


def _named(kind: Json) -> str:
    """The tool, by name if it can stand in a header."""
    fits = type(kind) is str and kind.isascii() and kind.isidentifier() and len(kind) <= 40
    return f"the tool {kind}" if fits else "a tool of a type that is not known"
