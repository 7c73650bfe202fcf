"""OpenAI Chat Completions, the request: JSON <-> ``wire.Request``, both ways and without loss.

``write(parse(value)) == value`` for every body that parses: what is not modelled, or is null, stays in ``rest``.
Source: OpenAI API reference, "Create chat completion", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from everwarm.core.answer import Form, Verdict
from everwarm.core.dialects import openai_chat_answer, openai_error
from everwarm.core.dialects.check import flag, many, mapping, model, string, wrong
from everwarm.core.dialects.dialect import Dialect, Envelope, Head, Vendor, Writer
from everwarm.core.dialects.format import read_format
from everwarm.core.dialects.openai_chat_writer import Chunks
from everwarm.core.dialects.openai_sampling import sampling
from everwarm.core.wire import Json, Message, Part, Request, Shape, Tool, ToolCall
from everwarm.errors import BadRequest, EverwarmError


class OpenaiChat:
    """See ``dialect.Dialect``."""

    name = "openai_chat"
    vendor: Vendor = "openai"
    path = "/v1/chat/completions"

    def envelope(self, value: Mapping[str, Json]) -> Envelope:
        return envelope(value)

    def obstacle(self, value: Mapping[str, Json]) -> str | None:
        return "web_search_options: the answer looks at the world" if value.get("web_search_options") else None

    def parse(self, value: Mapping[str, Json]) -> Request:
        return parse(value)

    def writer(self, head: Head, request: Request) -> Writer:
        return Chunks(head)

    def judge(self, answer: bytes, form: Form) -> Verdict:
        return openai_chat_answer.judge(answer, form)

    def convert(self, answer: bytes, have: Form, want: Form) -> bytes | None:
        return openai_chat_answer.convert(answer, have, want)

    def strainer(self, have: Form, want: Form) -> Callable[[bytes], bytes] | None:
        return openai_chat_answer.strainer(have, want)

    def error(self, e: EverwarmError) -> bytes:
        return openai_error.error(e)

    def error_event(self, e: EverwarmError) -> bytes:
        return openai_error.error_event(e)


DIALECT: Final[Dialect] = OpenaiChat()


def envelope(value: Mapping[str, Json]) -> Envelope:
    """Raises ``BadRequest`` if there is no model, or ``stream`` is not a boolean."""
    stream = flag(value.get("stream"), "stream")
    counted = not stream or includes_usage(value)
    return Envelope(model(value.get("model")), Form(stream, counted), value.get("temperature") != 0)


def includes_usage(value: Mapping[str, Json]) -> bool:
    """Whether a stream is to end with the token counts."""
    options = value.get("stream_options")
    return type(options) is dict and options.get("include_usage") is True


def parse(value: Mapping[str, Json]) -> Request:
    """Raises ``BadRequest`` with the path of the member that is wrong."""
    rest = {k: v for k, v in value.items() if v is not None}
    nulls = {k: None for k, v in value.items() if v is None}
    head = envelope(value)
    messages = many(rest.pop("messages", None), "messages", _message)
    if not messages:
        raise BadRequest("messages is empty, but must hold at least one message.", param="messages")
    tools = many(rest.pop("tools"), "tools", _tool) if "tools" in rest else None
    limit = "max_completion_tokens" if "max_completion_tokens" in rest else "max_tokens"
    chosen = sampling(rest, limit)  # its members stay in ``rest`` as written: an absent one is not a default one
    rest.pop("model"), rest.pop("stream", None)
    return Request(
        dialect=OpenaiChat.name,
        model=head.model,
        messages=messages,
        tools=tools,
        sampling=chosen,
        stream=value.get("stream"),
        rest={**rest, **nulls},
        format=read_format(rest.get("response_format"), "response_format", "json_schema"),
    )


def write(request: Request) -> dict[str, Json]:
    """The JSON object that ``parse`` read. The order of keys is not kept."""
    out: dict[str, Json] = {"model": request.model, "messages": [_write_message(m) for m in request.messages]}
    if request.tools is not None:
        out["tools"] = [_write_tool(t) for t in request.tools]
    if request.stream is not None:
        out["stream"] = request.stream
    return {**out, **request.rest}


def _message(value: Json, path: str) -> Message:
    rest = dict(mapping(value, path))
    role = string(rest.pop("role", None), f"{path}.role")
    shape, parts = _content(rest, path)
    calls = None
    if type(rest.get("tool_calls")) is list:
        calls = many(rest.pop("tool_calls"), f"{path}.tool_calls", _call)
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
        raise wrong(f"{path}.content", "a string, an array of parts, or null", content)
    return "list", many(content, f"{path}.content", _part)


def _part(value: Json, path: str) -> Part:
    rest = dict(mapping(value, path))
    kind = string(rest.pop("type", None), f"{path}.type")
    text = None
    if kind == "text":
        text = string(rest.pop("text", None), f"{path}.text")
    return Part(kind, text, rest)


def _call(value: Json, path: str) -> ToolCall:
    rest = dict(mapping(value, path))
    call_id = rest.pop("id") if type(rest.get("id")) is str else None
    function = rest.get("function")
    if type(function) is not dict:
        return ToolCall(call_id, None, "", rest)
    name = string(function.get("name"), f"{path}.function.name")
    arguments = string(function.get("arguments"), f"{path}.function.arguments")
    rest["function"] = {k: v for k, v in function.items() if k not in ("name", "arguments")}
    return ToolCall(call_id, name, arguments, rest)


def _tool(value: Json, path: str) -> Tool:
    rest = dict(mapping(value, path))
    function = rest.get("function")
    if type(function) is not dict:
        return Tool(None, None, None, rest)
    name = string(function.get("name"), f"{path}.function.name")
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
