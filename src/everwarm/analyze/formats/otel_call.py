"""What a span says of a call: in the names of OpenTelemetry (new and old), of OpenLLMetry and of OpenInference.

Sources: "Semantic conventions for generative AI" (``gen_ai.usage.input_tokens`` holds what was cached), and the events
of its version 1.36; OpenLLMetry's ``gen_ai.prompt.0.content``; OpenInference's ``llm.input_messages.0.message.role``.
Messages become those of OpenAI's chat, which is what they were made after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from everwarm.analyze.answers import answer_of
from everwarm.analyze.formats.calls import record
from everwarm.analyze.formats.told import Told
from everwarm.analyze.record import Record
from everwarm.analyze.usages import count, disjoint
from everwarm.core.analysis.call import Place
from everwarm.core.dialects.guess import dialect_of
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

EVENTS: Final[Mapping[str, str]] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
"""Events that are a message of the prompt -> its role, where it does not say it."""

_MODEL: Final = ("gen_ai.request.model", "llm.model_name", "llm.request.model", "gen_ai.response.model")
_NO_CALLS: Final = ("embeddings", "execute_tool", "invoke_agent", "create_agent", "invoke_workflow", "rerank")
"""Operations that ask no model for text, or of which the calls have spans of their own."""

_PROMPT: Final = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt")
_OUTPUT: Final = ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion")
_READ: Final = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.input_cached_tokens",
    "gen_ai.usage.cached_tokens",
    "gen_ai.usage.details.cache_read_tokens",
    "gen_ai.usage.details.cached_tokens",
    "llm.token_count.prompt_details.cache_read",
)
_WRITTEN: Final = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.details.cache_write_tokens",
    "llm.token_count.prompt_details.cache_write",
)
_THOUGHT: Final = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
)
_TOTAL: Final = ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total")


@dataclass(slots=True)
class Span:
    """A span or a log record, with its attributes as plain values."""

    name: str
    id: str
    trace: str
    said: Mapping[str, Json]
    resource: Mapping[str, Json]
    body: Mapping[str, Json]  # of a log record
    at: Json
    ended: Json
    failed: bool
    messages: list[Json] = field(default_factory=list)  # from events within it


def is_call(span: Span) -> bool:
    """Whether a model was asked for text."""
    said = span.said
    if said.get("gen_ai.operation.name") in _NO_CALLS or said.get("llm.request.type") in ("embedding", "rerank"):
        return False
    kind = said.get("openinference.span.kind", "LLM")
    return kind == "LLM" and any(name in said for name in (*_MODEL, *_PROMPT))


def message_of(span: Span) -> Json:
    """Of an event that is one: its content stands in the body, or in the attributes."""
    held = span.body or {
        name.removeprefix("gen_ai."): value
        for name, value in span.said.items()
        if name in ("content", "role", "tool_calls", "id", "gen_ai.event.content", "gen_ai.prompt")
    }
    if isinstance(held.get("event.content"), str):
        parsed = _parsed(held["event.content"])
        held = parsed if isinstance(parsed, dict) else {"content": parsed}
    made = {"role": held.get("role") or EVENTS[span.name], "content": held.get("content")}
    if isinstance(held.get("tool_calls"), list):
        made["tool_calls"] = held["tool_calls"]
    if made["role"] == "tool" and isinstance(held.get("id"), str):
        made["tool_call_id"] = held["id"]
    return made


def call(span: Span, place: Place, waiting: list[Json]) -> Record:
    """``waiting`` are the messages that were logged apart from it."""
    said = span.said
    answer = answer_of(_parsed(_first(said, "gen_ai.output.messages", "output.value")))
    if answer is None and isinstance(said.get("gen_ai.completion.0.content"), str):
        answer = answer_of(said["gen_ai.completion.0.content"])
    told = Told(
        {
            "at": span.at,
            "ended": span.ended,
            "duration_s": None,
            "ttft": _first(said, "gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"),
            "model": _first(said, *_MODEL),
            "provider": _first(said, "gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"),
            "url": said.get("server.address"),
            "error": "error" if span.failed else said.get("error.type"),
            "request_id": said.get("gen_ai.response.id") or f"{span.trace}-{span.id}",
            "session_id": _first(said, "gen_ai.conversation.id", "session.id") or span.trace,
            "app": span.resource.get("service.name"),
            "tenant": _first(said, "tenant.id", "gen_ai.tenant.id"),
        }
    )
    return record(place, told, _body(span, waiting), answer, usage=_usage(said))


def _usage(said: Mapping[str, Json]) -> Usage | None:
    prompt, output = count(said, *_PROMPT), count(said, *_OUTPUT)
    if prompt is None and output is None:
        return None
    return disjoint(
        prompt or 0,
        output or 0,
        read=count(said, *_READ) or 0,
        written=count(said, *_WRITTEN) or 0,
        reasoning=count(said, *_THOUGHT) or 0,
        total=count(said, *_TOTAL),
    )


def _body(span: Span, waiting: list[Json]) -> dict[str, Json] | None:
    """As OpenAI's chat; or the request itself, where the span has that."""
    said = span.said
    model = _first(said, *_MODEL)
    request = _parsed(_first(said, "input.value", "llm.request.body"))
    if isinstance(request, dict) and dialect_of(request) is not None:
        return {"model": model, **request}
    messages = [*_system(said), *_messages(said), *(span.messages or waiting)]
    if not messages:
        return None
    tools = _tools(said)
    return {"model": model, **({"tools": tools} if tools else {}), "messages": messages}


def _system(said: Mapping[str, Json]) -> list[Json]:
    value = _parsed(said.get("gen_ai.system_instructions"))
    if isinstance(value, str) and value:
        return [{"role": "system", "content": value}]
    if not isinstance(value, list) or not value:
        return []
    if all(isinstance(each, dict) and "role" in each for each in value):
        return value
    return [{"role": "system", "content": [_part(each) for each in value]}]


def _messages(said: Mapping[str, Json]) -> list[Json]:
    value = _parsed(_first(said, "gen_ai.input.messages", "gen_ai.prompt"))
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if isinstance(value, list):
        return [made for each in value for made in _converted(each)]
    numbered = _numbered(said, "gen_ai.prompt.") or [
        each.get("message", each) for each in _numbered(said, "llm.input_messages.") if isinstance(each, dict)
    ]
    return [{"role": "user", **each} if isinstance(each, dict) else each for each in numbered]


def _converted(message: Json) -> Iterable[Json]:
    """One of the new convention, with ``parts``; results of tools become messages of their own, as in chat."""
    parts = message.get("parts") if isinstance(message, dict) else None
    if not isinstance(parts, list):
        yield message
        return
    rows = [each for each in parts if isinstance(each, dict)]
    calls = [_call(each) for each in rows if each.get("type") == "tool_call"]
    results = [each for each in rows if each.get("type") == "tool_call_response"]
    others = [_part(each) for each in rows if each.get("type") not in ("tool_call", "tool_call_response")]
    for each in results:
        content = each.get("response", each.get("result"))
        yield {"role": "tool", "tool_call_id": each.get("id"), "content": _written(content)}
    if others or calls or not results:
        made: dict[str, Any] = {"role": message.get("role"), "content": others or None}
        yield {**made, "tool_calls": calls} if calls else made


def _part(part: Json) -> Json:
    if isinstance(part, dict) and part.get("type") in ("text", "reasoning") and isinstance(part.get("content"), str):
        return {"type": "text", "text": part["content"]}
    return {"type": "text", "text": part} if isinstance(part, str) else part


def _call(part: Mapping[str, Json]) -> Json:
    function = {"name": part.get("name"), "arguments": _written(part.get("arguments"))}
    return {"id": part.get("id"), "type": "function", "function": function}


def _tools(said: Mapping[str, Json]) -> list[Json]:
    value = _parsed(_first(said, "gen_ai.tool.definitions", "gen_ai.request.tools"))
    if isinstance(value, list):
        return [each if "function" in each else _tool(each) for each in value if isinstance(each, dict)]
    functions = _numbered(said, "llm.request.functions.")
    if functions:
        return [
            _tool({**each, "parameters": _parsed(each.get("parameters"))})
            for each in functions
            if isinstance(each, dict)
        ]
    tools = (each.get("tool", {}) for each in _numbered(said, "llm.tools.") if isinstance(each, dict))
    return [_parsed(each.get("json_schema")) for each in tools if isinstance(each, dict)]


def _tool(value: Mapping[str, Json]) -> Json:
    return {"type": "function", "function": {name: held for name, held in value.items() if name != "type"}}


def _numbered(said: Mapping[str, Json], prefix: str) -> list[Json]:
    """What is spread over attributes: ``prefix.0.role``, ``prefix.0.tool_calls.1.name`` -> objects and lists."""
    tree: dict[str, Any] = {}
    for name, value in said.items():
        if not name.startswith(prefix):
            continue
        *above, last = name.removeprefix(prefix).split(".", 16)
        here = tree
        for step in above:
            inside = here.setdefault(step, {})
            if not isinstance(inside, dict):
                break
            here = inside
        else:
            here[last] = value
    listed = _listed(tree)
    return listed if isinstance(listed, list) else []


def _listed(tree: Json) -> Json:
    if not isinstance(tree, dict):
        return tree
    if tree and all(key.isascii() and key.isdigit() and len(key) < 6 for key in tree):
        return [_listed(tree[key]) for key in sorted(tree, key=int)]
    return {key: _listed(value) for key, value in tree.items()}


def _first(said: Mapping[str, Json], *names: str) -> Json:
    return next((said[name] for name in names if said.get(name) is not None), None)


def _parsed(value: Json) -> Json:
    """Attributes have JSON as text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _written(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
