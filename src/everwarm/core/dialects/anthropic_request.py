"""Anthropic Messages, the request: JSON -> ``wire.Request``, for the model inside.

A turn that holds results of tools becomes one message for each of them, and one for what stands between them. What was
thought in earlier turns is left out, and so is the wish to think (``thinking``, ``output_config.effort``): agents ask
for it by default, and a model that cannot is more use than an error.
Source: Claude API reference, "Create a Message", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final

import orjson

from everwarm.core.dialects.check import flag, many, mapping, model, number, string, whole, wrong
from everwarm.core.dialects.format import read_format
from everwarm.core.wire import Format, Json, Message, Part, Request, Sampling, Shape, Tool, ToolCall
from everwarm.errors import BadRequest, Unsupported

_ROLES: Final = ("user", "assistant", "system")
_THOUGHT: Final = ("thinking", "redacted_thinking")
_READ: Final = ("model", "messages", "system", "tools", "stream", "tool_choice")

_REFUSED: Final = {
    "response_format": "in this protocol it is `output_config.format`",
    "mcp_servers": "this model reaches no other servers; leave it out",
    "container": "this model runs no code; leave it out",
    "thread": "no conversations are kept here; leave it out, and send all messages",
    "compaction": "this model does not summarise conversations; leave it out",
}
"""Members that would change the answer, and that nobody behind this dialect can honour."""


def parse(dialect: str, value: Mapping[str, Json]) -> Request:
    """Raises ``BadRequest`` with the path of the member that is wrong, or that a model inside cannot honour."""
    sampling = _sampling(value)
    request = _request(dialect, value, sampling)
    if request.messages[-1].role == "assistant":
        last = f"messages[{len(value['messages']) - 1}]"
        raise Unsupported(f"{last}: this model cannot go on with an answer; end with the user's turn.", param=last)
    return request


def parse_count(dialect: str, value: Mapping[str, Json]) -> Request:
    """As ``parse``, for a request whose tokens are only counted: it has no ``max_tokens`` and may end anywhere."""
    return _request(dialect, value, Sampling())


def _request(dialect: str, value: Mapping[str, Json], sampling: Sampling) -> Request:
    _refuse(value)
    turns = many(value.get("messages"), "messages", _turn)
    if not turns:
        raise BadRequest("messages is empty, but must hold at least one message.", param="messages")
    rest = {k: v for k, v in value.items() if k not in _READ}
    if value.get("tool_choice") is not None:
        rest["tool_choice"] = _choice(value["tool_choice"])
    return Request(
        dialect=dialect,
        model=model(value.get("model")),
        messages=(*_system(value.get("system")), *(message for turn in turns for message in turn)),
        tools=many(value["tools"], "tools", _tool) if value.get("tools") is not None else None,
        sampling=sampling,
        stream=flag(value.get("stream"), "stream"),
        rest=rest,
        format=_format(value),
    )


def _refuse(value: Mapping[str, Json]) -> None:
    for name, why in _REFUSED.items():
        if value.get(name):
            raise Unsupported(f"{name}: {why}.", param=name)


def _format(value: Mapping[str, Json]) -> Format | None:
    """``output_format`` is how it was written before it had a name in ``output_config``."""
    config = value.get("output_config")
    if config is not None and mapping(config, "output_config").get("format") is not None:
        return read_format(config["format"], "output_config.format")
    return read_format(value.get("output_format"), "output_format")


def _sampling(value: Mapping[str, Json]) -> Sampling:
    given = {k: v for k, v in value.items() if v is not None}
    if "top_k" in given:  # it stays in ``rest``: the wire has no name for it
        whole(given["top_k"], "top_k", 0, 2**31 - 1)
    return Sampling(
        temperature=number(given["temperature"], "temperature", 0, 1) if "temperature" in given else None,
        top_p=number(given["top_p"], "top_p", 0, 1) if "top_p" in given else None,
        max_tokens=whole(given.get("max_tokens"), "max_tokens", 1, 2**31 - 1),
        stop=many(given["stop_sequences"], "stop_sequences", string) if "stop_sequences" in given else (),
    )


def _choice(value: Json) -> Json:
    """``auto`` and ``none`` as other protocols write them; a choice that forces a tool as it is: it will be refused."""
    kind = string(mapping(value, "tool_choice").get("type"), "tool_choice.type")
    return kind if kind in ("auto", "none") else value


def _system(value: Json) -> Iterator[Message]:
    if value is not None:
        shape, blocks = _content(value, "system")
        yield Message("system", tuple(_part(block, f"system[{i}]") for i, block in enumerate(blocks)), shape)


def _turn(value: Json, path: str) -> list[Message]:
    """The messages that one turn holds, in order."""
    turn = mapping(value, path)
    role = string(turn.get("role"), f"{path}.role")
    if role not in _ROLES:
        raise BadRequest(f"{path}.role is none of {', '.join(_ROLES)}.", param=f"{path}.role")
    shape, blocks = _content(turn.get("content"), f"{path}.content")
    placed = [(f"{path}.content[{i}]", mapping(b, f"{path}.content[{i}]")) for i, b in enumerate(blocks)]
    kept = [(where, block) for where, block in placed if block.get("type") not in _THOUGHT]
    messages: list[Message] = []
    for is_result, group in groupby(kept, lambda pair: pair[1].get("type") == "tool_result"):
        if is_result:
            messages += [_result(block, where) for where, block in group]
        else:
            messages.append(_said(role, shape, list(group)))
    return messages or [Message(role, (), shape)]


def _content(value: Json, path: str) -> tuple[Shape, list[Json]]:
    if type(value) is str:
        return "string", [{"type": "text", "text": value}]
    if type(value) is not list:
        raise wrong(path, "a string, or an array of content blocks", value)
    return "list", value


def _said(role: str, shape: Shape, blocks: list[tuple[str, dict[str, Any]]]) -> Message:
    parts = [_part(block, where) for where, block in blocks if block.get("type") != "tool_use"]
    calls = [_call(block, where) for where, block in blocks if block.get("type") == "tool_use"]
    return Message(role, tuple(parts), shape, tuple(calls) or None)


def _part(value: Json, path: str) -> Part:
    """A text; or anything else, opaque: who answers says whether it can read it."""
    rest = dict(mapping(value, path))
    kind = string(rest.pop("type", None), f"{path}.type")
    text = string(rest.pop("text", None), f"{path}.text") if kind == "text" else None
    return Part(kind, text, rest)


def _call(block: dict[str, Any], path: str) -> ToolCall:
    arguments = orjson.dumps(mapping(block.get("input"), f"{path}.input")).decode()
    return ToolCall(string(block.get("id"), f"{path}.id"), string(block.get("name"), f"{path}.name"), arguments)


def _result(block: dict[str, Any], path: str) -> Message:
    call_id = string(block.get("tool_use_id"), f"{path}.tool_use_id")
    shape, blocks = _content(block.get("content") or "", f"{path}.content")
    parts = tuple(_part(b, f"{path}.content[{i}]") for i, b in enumerate(blocks))
    rest = {k: v for k, v in block.items() if k not in ("type", "tool_use_id", "content")}
    return Message("tool", parts, shape, call_id=call_id, rest=rest)


def _tool(value: Json, path: str) -> Tool:
    rest = dict(mapping(value, path))
    kind = rest.pop("type", None)
    if kind not in (None, "custom"):
        why = "this model knows only tools that are defined in full, with an input_schema"
        raise Unsupported(f"{path}.type: {why}.", param=f"{path}.type")
    name = string(rest.pop("name", None), f"{path}.name")
    description = rest.pop("description", None)
    if description is not None:
        description = string(description, f"{path}.description")
    return Tool(name, description, mapping(rest.pop("input_schema", None), f"{path}.input_schema"), rest)
