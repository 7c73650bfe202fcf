"""OpenAI Chat Completions, the request: JSON <-> ``wire.Request``, both ways and without loss.

``write(parse(value)) == value`` for every body that parses: what is not modelled, or is null, stays in ``rest``.
Source: OpenAI API reference, "Create chat completion", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeVar

from everwarm.core.wire import Json, Message, Part, Request, Sampling, Shape, Tool, ToolCall
from everwarm.errors import BadRequest

NAME: Final = "openai_chat"
PATH: Final = "/v1/chat/completions"

T = TypeVar("T")


class Envelope(NamedTuple):
    """The few members that decide how a request is handled, read without building the whole."""

    model: str
    stream: bool
    include_usage: bool
    sampled: bool  # whether asking twice may give two answers


def envelope(value: Mapping[str, Json]) -> Envelope:
    """Raises ``BadRequest`` if there is no model, or ``stream`` is not a boolean."""
    model = value.get("model")
    if type(model) is not str or not model:
        raise _wrong("model", "the name of a model, as a string", model)
    stream = value.get("stream")
    if stream is not None and type(stream) is not bool:
        raise _wrong("stream", "true or false", stream)
    options = value.get("stream_options")
    usage = type(options) is dict and options.get("include_usage") is True
    return Envelope(model, stream is True, usage, value.get("temperature") != 0)


def parse(value: Mapping[str, Json]) -> Request:
    """Raises ``BadRequest`` with the path of the member that is wrong."""
    rest = {k: v for k, v in value.items() if v is not None}
    nulls = {k: None for k, v in value.items() if v is None}
    head = envelope(value)
    messages = _list(rest.pop("messages", None), "messages", _message)
    if not messages:
        raise BadRequest("messages is empty, but must hold at least one message.", param="messages")
    tools = _list(rest.pop("tools"), "tools", _tool) if "tools" in rest else None
    sampling = _sampling(rest)
    rest.pop("model"), rest.pop("stream", None)
    return Request(
        dialect=NAME,
        model=head.model,
        messages=messages,
        tools=tools,
        sampling=sampling,
        stream=value.get("stream"),
        include_usage=head.include_usage,
        rest={**rest, **nulls},
    )


def write(request: Request) -> dict[str, Json]:
    """The JSON object that ``parse`` read. The order of keys is not kept."""
    out: dict[str, Json] = {"model": request.model, "messages": [_write_message(m) for m in request.messages]}
    if request.tools is not None:
        out["tools"] = [_write_tool(t) for t in request.tools]
    if request.stream is not None:
        out["stream"] = request.stream
    return {**out, **request.rest}


# Sampling members stay in ``rest`` as written (an absent one is not a default one); ``Sampling`` is their reading.
_NUMBERS: Final = {
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "frequency_penalty": (-2.0, 2.0),
    "presence_penalty": (-2.0, 2.0),
}


def _sampling(rest: Mapping[str, Json]) -> Sampling:
    numbers = {k: _number(rest[k], k, low, high) for k, (low, high) in _NUMBERS.items() if k in rest}
    limit = "max_completion_tokens" if "max_completion_tokens" in rest else "max_tokens"
    return Sampling(
        **numbers,
        seed=_whole(rest["seed"], "seed", -(2**63), 2**63 - 1) if "seed" in rest else None,
        max_tokens=_whole(rest[limit], limit, 1, 2**31 - 1) if limit in rest else None,
        stop=_stop(rest["stop"]) if "stop" in rest else (),
        logit_bias=_bias(rest["logit_bias"]) if "logit_bias" in rest else {},
        n=_whole(rest["n"], "n", 1, 128) if "n" in rest else 1,
    )


def _number(value: Json, path: str, low: float, high: float) -> float:
    if type(value) not in (int, float) or not low <= value <= high:
        raise _wrong(path, f"a number from {low:g} to {high:g}", value)
    return float(value)


def _whole(value: Json, path: str, low: int, high: int) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not low <= value <= high:
        raise _wrong(path, f"a whole number from {low} to {high}", value)
    return value


def _stop(value: Json) -> tuple[str, ...]:
    stops = [value] if type(value) is str else value
    if type(stops) is not list or len(stops) > 4 or not all(type(s) is str and s for s in stops):
        raise BadRequest("stop must be a non-empty string, or an array of up to four of them.", param="stop")
    return tuple(stops)


def _bias(value: Json) -> dict[int, float]:
    if type(value) is not dict:
        raise _wrong("logit_bias", "an object from token ids to numbers", value)
    out = {}
    for token, bias in value.items():
        if not (token.isascii() and token.isdigit() and len(token) < 10):
            raise BadRequest("logit_bias has a key that is no token id.", param="logit_bias")
        out[int(token)] = _number(bias, f"logit_bias.{token}", -100, 100)
    return out


def _message(value: Json, path: str) -> Message:
    rest = dict(_object(value, path))
    role = _string(rest.pop("role", None), f"{path}.role")
    shape, parts = _content(rest, path)
    calls = None
    if type(rest.get("tool_calls")) is list:
        calls = _list(rest.pop("tool_calls"), f"{path}.tool_calls", _call)
    call_id = rest.pop("tool_call_id") if type(rest.get("tool_call_id")) is str else None
    return Message(role, parts, shape, calls, call_id, rest)


def _content(rest: dict[str, Json], path: str) -> tuple[Shape, tuple[Part, ...]]:
    if "content" not in rest:
        return "absent", ()
    content = rest.pop("content")
    if content is None:
        return "null", ()
    if type(content) is str:
        return "string", (Part("text", content),)
    if type(content) is not list:
        raise _wrong(f"{path}.content", "a string, an array of parts, or null", content)
    return "list", _list(content, f"{path}.content", _part)


def _part(value: Json, path: str) -> Part:
    rest = dict(_object(value, path))
    kind = _string(rest.pop("type", None), f"{path}.type")
    text = None
    if kind == "text":
        text = _string(rest.pop("text", None), f"{path}.text")
    return Part(kind, text, rest)


def _call(value: Json, path: str) -> ToolCall:
    rest = dict(_object(value, path))
    call_id = rest.pop("id") if type(rest.get("id")) is str else None
    function = rest.get("function")
    if type(function) is not dict:
        return ToolCall(call_id, None, "", rest)
    name = _string(function.get("name"), f"{path}.function.name")
    arguments = _string(function.get("arguments"), f"{path}.function.arguments")
    rest["function"] = {k: v for k, v in function.items() if k not in ("name", "arguments")}
    return ToolCall(call_id, name, arguments, rest)


def _tool(value: Json, path: str) -> Tool:
    rest = dict(_object(value, path))
    function = rest.get("function")
    if type(function) is not dict:
        return Tool(None, None, None, rest)
    name = _string(function.get("name"), f"{path}.function.name")
    inner = {k: v for k, v in function.items() if k != "name"}
    description = inner.pop("description") if type(inner.get("description")) is str else None
    parameters = inner.pop("parameters") if inner.get("parameters") is not None else None
    rest["function"] = inner
    return Tool(name, description, parameters, rest)


def _write_message(m: Message) -> dict[str, Json]:
    out: dict[str, Json] = {"role": m.role}
    if m.shape == "null":
        out["content"] = None
    elif m.shape == "string":
        out["content"] = m.text
    elif m.shape == "list":
        out["content"] = [_write_part(p) for p in m.parts]
    if m.calls is not None:
        out["tool_calls"] = [_write_call(c) for c in m.calls]
    if m.call_id is not None:
        out["tool_call_id"] = m.call_id
    return {**out, **m.rest}


def _write_part(p: Part) -> dict[str, Json]:
    return {"type": p.kind, **({} if p.text is None else {"text": p.text}), **p.rest}


def _write_call(c: ToolCall) -> dict[str, Json]:
    out: dict[str, Json] = {} if c.id is None else {"id": c.id}
    out.update(c.rest)
    if c.name is not None:
        out["function"] = {**c.rest["function"], "name": c.name, "arguments": c.arguments}
    return out


def _write_tool(t: Tool) -> dict[str, Json]:
    if t.name is None:
        return dict(t.rest)
    known = {"name": t.name, "description": t.description, "parameters": t.parameters}
    return {**t.rest, "function": {**{k: v for k, v in known.items() if v is not None}, **t.rest["function"]}}


def _list(value: Json, path: str, item: Callable[[Json, str], T]) -> tuple[T, ...]:
    if type(value) is not list:
        raise _wrong(path, "an array", value)
    return tuple(_each(value, path, item))


def _each(value: list[Json], path: str, item: Callable[[Json, str], T]) -> Iterable[T]:
    return (item(v, f"{path}[{i}]") for i, v in enumerate(value))


def _object(value: Json, path: str) -> dict[str, Any]:
    if type(value) is not dict:
        raise _wrong(path, "an object", value)
    return value


def _string(value: Json, path: str) -> str:
    if type(value) is not str:
        raise _wrong(path, "a string", value)
    return value


def _wrong(path: str, wanted: str, found: Json) -> BadRequest:
    """An error that names the place and the kind of what was found. It never repeats text, which may be a prompt."""
    if found is None:
        return BadRequest(f"{path} is missing: it must be {wanted}.", param=path, code="missing_required_parameter")
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    what = kinds.get(type(found)) or f"{found}"[:40]
    return BadRequest(f"{path} is {what}, but must be {wanted}.", param=path)
