"""OpenAI Responses, the request: what the model inside reads of it.

Source: OpenAI API reference, "Create a model response", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, NoReturn

from everwarm.core.dialects.check import many, mapping, number, string, whole, wrong
from everwarm.core.dialects.dialect import Envelope
from everwarm.core.dialects.format import read_format
from everwarm.core.wire import Format, Json, Message, Part, Request, Sampling, Shape, Tool, ToolCall
from everwarm.errors import BadRequest, Unsupported


def parse(dialect: str, head: Envelope, value: Mapping[str, Json]) -> Request:
    """Raises ``BadRequest`` with the path of the member that is wrong, or that the model inside cannot honour.

    ``rest`` holds all members but ``model``, ``input`` and ``stream``, as they were written: the answer repeats them.
    """
    for name, (fine, why) in _DEMANDS.items():
        if not fine(value.get(name)):
            raise Unsupported(f"{name}: {why}", param=name)
    messages = _instructions(value.get("instructions")) + _turns(_input(value.get("input")))
    if not messages:
        raise BadRequest("input is empty, but must hold at least one item.", param="input")
    return Request(
        dialect=dialect,
        model=head.model,
        messages=tuple(messages),
        tools=None if value.get("tools") is None else many(value["tools"], "tools", _tool),
        sampling=_sampling(value),
        stream=value.get("stream"),
        rest={k: v for k, v in value.items() if k not in ("model", "input", "stream")},
        format=_format(value.get("text")),
    )


def _nothing(value: Json) -> bool:
    return not value


def _without_logprobs(value: Json) -> bool:
    return type(value) is not list or "message.output_text.logprobs" not in value


_STATELESS: Final = "the model inside keeps no conversations; send the earlier turns in `input`"

_DEMANDS: Final[Mapping[str, tuple[Callable[[Json], bool], str]]] = {
    "previous_response_id": (_nothing, _STATELESS),
    "conversation": (_nothing, _STATELESS),
    "background": (_nothing, "the model inside answers at once; leave it out"),
    "prompt": (_nothing, "the model inside keeps no prompts; send the text in `instructions` and `input`"),
    "response_format": (_nothing, "in this protocol it is `text.format`"),
    "include": (_without_logprobs, "the model inside does not report log probabilities; leave them out"),
}
"""Members of this dialect that would change an answer: which values can be honoured, and what to say of others."""


def _format(text: Json) -> Format | None:
    return None if text is None else read_format(mapping(text, "text").get("format"), "text.format")


def _sampling(value: Mapping[str, Json]) -> Sampling:
    said = {k: value[k] for k in ("temperature", "top_p", "max_output_tokens") if value.get(k) is not None}
    limit = said.get("max_output_tokens")
    return Sampling(
        temperature=number(said["temperature"], "temperature", 0.0, 2.0) if "temperature" in said else None,
        top_p=number(said["top_p"], "top_p", 0.0, 1.0) if "top_p" in said else None,
        max_tokens=None if limit is None else whole(limit, "max_output_tokens", 1, 2**31 - 1),
    )


def _instructions(value: Json) -> list[Message]:
    return [] if value is None else [Message("system", (Part("text", string(value, "instructions")),))]


def _input(value: Json) -> Iterable[Message | None]:
    if type(value) is str:
        return (Message("user", (Part("text", value),)),)
    if type(value) is not list:
        raise wrong("input", "a string or an array of items", value)
    return many(value, "input", _item)


def _turns(messages: Iterable[Message | None]) -> list[Message]:
    """As chat writes them: what the assistant says and the calls that it makes with it are one message."""
    out: list[Message] = []
    for message in messages:
        if message is None:
            continue
        if message.calls and out and out[-1].role == "assistant":
            out[-1] = replace(out[-1], calls=(*(out[-1].calls or ()), *message.calls))
        else:
            out.append(message)
    return out


def _item(value: Json, path: str) -> Message | None:
    rest = dict(mapping(value, path))
    kind = rest.pop("type", None)
    if kind is None:
        kind = "message" if "role" in rest else "item_reference"
    read = _ITEMS.get(kind) if type(kind) is str else None
    if read is None:
        raise Unsupported(f"{path}.type: the model inside cannot read items of this type", param=f"{path}.type")
    return read(rest, path)


def _message(rest: dict[str, Json], path: str) -> Message:
    role = string(rest.pop("role", None), f"{path}.role")
    shape, parts = _content(rest.pop("content", None), f"{path}.content")
    return Message(role, parts, shape, rest=rest)


def _content(value: Json, path: str) -> tuple[Shape, tuple[Part, ...]]:
    if type(value) is str:
        return "string", (Part("text", value),)
    if type(value) is not list:
        raise wrong(path, "a string or an array of parts", value)
    return "list", many(value, path, _part)


_TEXTS: Final = {"input_text": "text", "output_text": "text", "refusal": "refusal"}
"""Type of a part -> its member that is the text."""


def _part(value: Json, path: str) -> Part:
    rest = dict(mapping(value, path))
    kind = string(rest.pop("type", None), f"{path}.type")
    if kind not in _TEXTS:
        return Part(kind, None, rest)
    name = _TEXTS[kind]
    return Part("text", string(rest.pop(name, None), f"{path}.{name}"), rest)


def _call(rest: dict[str, Json], path: str) -> Message:
    call_id, name, arguments = (string(rest.pop(n, None), f"{path}.{n}") for n in ("call_id", "name", "arguments"))
    return Message("assistant", (), "absent", (ToolCall(call_id, name, arguments, rest),))


def _custom_call(rest: dict[str, Json], path: str) -> Message:
    call_id = string(rest.pop("call_id", None), f"{path}.call_id")
    return Message("assistant", (), "absent", (ToolCall(call_id, None, "", rest),))


def _result(rest: dict[str, Json], path: str) -> Message:
    call_id = string(rest.pop("call_id", None), f"{path}.call_id")
    shape, parts = _content(rest.pop("output", None), f"{path}.output")
    return Message("tool", parts, shape, call_id=call_id, rest=rest)


def _thought(rest: dict[str, Json], path: str) -> None:
    """What another model thought is nothing to this one."""


def _reference(rest: dict[str, Json], path: str) -> NoReturn:
    raise Unsupported(f"{path}: {_STATELESS}", param=path)


_ITEMS: Final[Mapping[str, Callable[[dict[str, Json], str], Message | None]]] = {
    "message": _message,
    "function_call": _call,
    "function_call_output": _result,
    "custom_tool_call": _custom_call,
    "custom_tool_call_output": _result,
    "reasoning": _thought,
    "item_reference": _reference,
}


def _tool(value: Json, path: str) -> Tool:
    rest = dict(mapping(value, path))
    if rest.get("type") != "function":
        return Tool(None, None, None, rest)
    name = string(rest.pop("name", None), f"{path}.name")
    description = rest.pop("description") if type(rest.get("description")) is str else None
    return Tool(name, description, rest.pop("parameters", None), rest)
