"""The prompt that a span has, as the messages and tools of OpenAI's chat.

Sources: "Semantic conventions for generative AI" (``gen_ai.input.messages``, whose messages have ``parts``), and the
events of its version 1.36; OpenLLMetry's ``gen_ai.prompt.0.content``; OpenInference's ``semantic_conventions.md``, with
``llm.input_messages.0.message.role``; vercel/ai, whose spans of calls have ``ai.prompt.messages`` beside the names of
the convention, and whose spans around them have none of those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from everwarm.core.wire import Json

EVENTS: Final[Mapping[str, str]] = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
"""Events that are a message of the prompt -> its role, where it does not say it."""

CHOICE: Final = "gen_ai.choice"
"""The event that is an answer."""


@dataclass(slots=True)
class Span:
    """A span or a log record, with its attributes as plain values."""

    name: str
    id: str
    trace: str
    parent: str  # the id of the span around it
    said: Mapping[str, Json]
    resource: Mapping[str, Json]
    body: Mapping[str, Json]  # of a log record
    at: Json
    began: Json  # when the first chunk of the answer was there
    ended: Json
    failed: bool
    messages: list[Json] = field(default_factory=list)  # of the prompt, from events within it


def message_of(span: Span) -> Json:
    """Of an event that is one: its content stands in the body, or in the attributes."""
    held = span.body or {
        name.removeprefix("gen_ai."): value
        for name, value in span.said.items()
        if name in ("content", "role", "tool_calls", "id", "gen_ai.event.content", "gen_ai.prompt")
    }
    if isinstance(held.get("event.content"), str):
        content = parsed(held["event.content"])
        held = content if isinstance(content, dict) else {"content": content}
    made = {"role": held.get("role") or EVENTS[span.name], "content": held.get("content")}
    if isinstance(held.get("tool_calls"), list):
        made["tool_calls"] = held["tool_calls"]
    if made["role"] == "tool" and isinstance(held.get("id"), str):
        made["tool_call_id"] = held["id"]
    return made


def system(said: Mapping[str, Json]) -> list[Json]:
    """The system prompt, where it stands apart from the messages: as one message, or none."""
    value = parsed(said.get("gen_ai.system_instructions"))
    if isinstance(value, str) and value:
        return [{"role": "system", "content": value}]
    if not isinstance(value, list) or not value:
        return []
    if all(isinstance(each, dict) and "role" in each for each in value):
        return value
    return [{"role": "system", "content": [_part(each) for each in value]}]


def messages(said: Mapping[str, Json]) -> list[Json]:
    """Those of the prompt that are attributes."""
    value = parsed(first(said, "gen_ai.input.messages", "gen_ai.prompt", "ai.prompt.messages"))
    if isinstance(value, str):
        return [{"role": "user", "content": value}]
    if isinstance(value, list):
        return [made for each in value for made in _converted(each)]
    numbered = _numbered(said, "gen_ai.prompt.") or _inference(_numbered(said, "llm.input_messages."))
    return [{"role": "user", **each} if isinstance(each, dict) else each for each in numbered]


def _inference(rows: list[Json]) -> Iterator[Json]:
    """OpenInference wraps each message, part and call in an object of one member."""
    for row in rows:
        message = row.get("message") if isinstance(row, dict) else None
        if not isinstance(message, dict):
            continue
        made = {name: value for name, value in message.items() if name not in ("contents", "tool_calls")}
        parts, calls = message.get("contents"), message.get("tool_calls")
        if isinstance(parts, list):
            made["content"] = [p.get("message_content", p) if isinstance(p, dict) else p for p in parts]
        if isinstance(calls, list):
            made["tool_calls"] = [c.get("tool_call", c) if isinstance(c, dict) else c for c in calls]
        yield made


def _converted(message: Json) -> Iterator[Json]:
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


def tools(said: Mapping[str, Json]) -> list[Json]:
    """Those that were offered."""
    value = parsed(first(said, "gen_ai.tool.definitions", "gen_ai.request.tools", "ai.prompt.tools"))
    if isinstance(value, list):
        value = [parsed(each) for each in value]
        return [each if "function" in each else _tool(each) for each in value if isinstance(each, dict)]
    functions = _numbered(said, "llm.request.functions.")
    if functions:
        known = (each for each in functions if isinstance(each, dict))
        return [_tool({**each, "parameters": parsed(each.get("parameters"))}) for each in known]
    held = (each.get("tool") for each in _numbered(said, "llm.tools.") if isinstance(each, dict))
    return [parsed(each.get("json_schema")) for each in held if isinstance(each, dict)]


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


def first(said: Mapping[str, Json], *names: str) -> Json:
    """The first of these attributes that is there; None if none is."""
    return next((said[name] for name in names if said.get(name) is not None), None)


def parsed(value: Json) -> Json:
    """Attributes have JSON as text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _written(value: Json) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
