"""OpenAI Responses: the dialect as a whole; what is read of a request without building it.

Source: OpenAI API reference, "Create a model response", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

from everwarm.core.answer import Form, Verdict
from everwarm.core.dialects import openai_error, openai_responses_answer, openai_responses_request
from everwarm.core.dialects.check import flag, model
from everwarm.core.dialects.dialect import Dialect, Envelope, Head, Vendor, Writer
from everwarm.core.dialects.openai_responses_events import error_event
from everwarm.core.dialects.openai_responses_writer import ResponseEvents
from everwarm.core.wire import Json, Request
from everwarm.errors import EverwarmError


class OpenaiResponses:
    """See ``dialect.Dialect``."""

    name = "openai_responses"
    vendor: Vendor = "openai"
    path = "/v1/responses"

    def envelope(self, value: Mapping[str, Json]) -> Envelope:
        stream = flag(value.get("stream"), "stream")
        return Envelope(model(value.get("model")), Form(stream), value.get("temperature") != 0)

    def obstacle(self, value: Mapping[str, Json]) -> str | None:
        return obstacle(value)

    def parse(self, value: Mapping[str, Json]) -> Request:
        return openai_responses_request.parse(self.name, self.envelope(value), value)

    def writer(self, head: Head, request: Request) -> Writer:
        return ResponseEvents(head, request)

    def judge(self, answer: bytes, form: Form) -> Verdict:
        return openai_responses_answer.judge(answer, form)

    def convert(self, answer: bytes, have: Form, want: Form) -> bytes | None:
        return openai_responses_answer.convert(answer, have, want)

    def strainer(self, have: Form, want: Form) -> Callable[[bytes], bytes] | None:
        return None  # there is one form of stream

    def error(self, e: EverwarmError) -> bytes:
        return openai_error.error(e)

    def error_event(self, e: EverwarmError) -> bytes:
        return error_event(e)


DIALECT: Final[Dialect] = OpenaiResponses()

_KEPT: Final = {
    "conversation": "the answer becomes part of it",
    "background": "the answer is only begun",
    "prompt": "what it says is kept by the provider, may change, and may bring tools that look at the world",
}
"""Members that tie an answer to more than the request. ``previous_response_id`` does not: it names a fixed past."""

_PURE: Final = ("function", "custom")
"""Types of tools that the model only asks for, and the client runs."""

_BRINGERS: Final = ("additional_tools", "tool_search_output")
"""Types of input items that define tools."""


def obstacle(value: Mapping[str, Json]) -> str | None:
    """See ``dialect.Dialect.obstacle``."""
    kept = (f"{name}: {why}" for name, why in _KEPT.items() if value.get(name))
    items = value.get("input")
    bringers = [i for i in items if type(i) is dict and i.get("type") in _BRINGERS] if type(items) is list else []
    tools = chain.from_iterable(_tools(holder) for holder in (value, *bringers))
    acting = (f"{_named(t.get('type'))} looks at the world" for t in tools if t.get("type") not in _PURE)
    return next(chain(kept, acting), None)


def _tools(holder: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """The tools that it defines. A ``namespace`` is only a name for some."""
    tools = holder.get("tools")
    for tool in tools if type(tools) is list else ():
        if type(tool) is dict and tool.get("type") == "namespace":
            yield from _tools(tool)
        elif type(tool) is dict:
            yield tool


def _named(kind: Json) -> str:
    """The tool, by name if it can stand in a header."""
    fits = type(kind) is str and kind.isascii() and kind.isidentifier() and len(kind) <= 40
    return f"the tool {kind}" if fits else "a tool of a type that is not known"
