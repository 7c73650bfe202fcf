"""The canonical form of a request: what two requests must share to be given one answer.

The whole body counts, known fields and unknown ones, except what ``VOLATILE`` names (requirement R1: a deny-list, never
an allow-list). On top of that only spellings of one meaning are made equal:

- the order of keys, white space and escapes (by parsing and writing sorted);
- ``0`` and ``0.0`` (whole numbers below 2**53; beyond, integers stay exact and floats stay floats);
- a content that is one text part, and the same text as a string;
- ``n`` absent and ``n: 1``; ``stream_options`` absent, null and empty;
- ids of tool calls, which clients invent: renamed in the order of first appearance; only who refers to whom counts.

Where the order of keys is meaning it is kept: the ``properties`` of a JSON schema that constrains the answer (anywhere
but in messages and in tools that are not ``strict``) decide in which order the model writes. See docs/decisions/0002.

This form is for keys. It is never sent to anybody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import orjson

from everwarm.core.body import EXACT_LIMIT, Body, read_exact
from everwarm.core.wire import Json
from everwarm.errors import BadRequest

VOLATILE: Final[Mapping[str, Mapping[str, str]]] = {
    "openai_chat": {
        "user": "names who asks, for abuse reports; the model does not see it",
        "safety_identifier": "the same, under its newer name",
        "metadata": "labels for the provider's own dashboard",
        "store": "whether the provider keeps a copy",
        "service_tier": "how fast and at what price, not what",
        "prompt_cache_key": "a hint for the provider's own cache",
        "prompt_cache_retention": "how long the provider's own cache keeps the prompt",
        "stream": "how the answer is delivered",
        "stream_options.include_usage": "whether a stream ends with the token counts",
        "stream_options.include_obfuscation": "padding of a stream's chunks",
    }
}
"""What a key leaves out, and why: dialect -> path -> reason. A path covers everything below it."""

RENAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "openai_chat": ("messages[].tool_calls[].id", "messages[].tool_call_id")
}
"""Ids that count only by which of them are equal: dialect -> paths."""

DEPTH: Final = 128
"""How deeply a body may be nested. Real JSON schemas stay below 30."""


_OWN: Final = frozenset({"model", "messages", "tools"})
"""Members that ``_normal`` writes itself."""

_LEFT_OUT: Final = {d: frozenset(p for p in table if "." not in p) | _OWN for d, table in VOLATILE.items()}
"""Top-level members that are not copied as they are. A path with a dot is of a member's member, and no name."""


class _Inexact(Exception):
    """A float so large that it may have been a different integer in the body."""


def canonical(dialect: str, body: Body, model: str) -> bytes:
    """The canonical form of ``body``: sorted JSON. ``model`` is the resolved name, in place of the client's alias.

    Raises ``BadRequest`` if the body is nested more than ``DEPTH`` deep.
    """
    try:
        return orjson.dumps(_normal(dialect, body.value, model), option=orjson.OPT_SORT_KEYS)
    except (_Inexact, orjson.JSONEncodeError):  # the latter: an integer beyond 64 bits, which it cannot write
        exact = _normal(dialect, read_exact(body), model, exact=True)
        return json.dumps(exact, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _normal(dialect: str, value: Mapping[str, Json], model: str, *, exact: bool = False) -> dict[str, Json]:
    volatile = VOLATILE[dialect]
    left_out = _LEFT_OUT[dialect]
    plain = _exact if exact else _plain
    out = {k: _ordered(plain(v, DEPTH)) for k, v in value.items() if k not in left_out}
    out["model"] = model
    if "messages" in value:
        out["messages"] = _messages(value["messages"], plain)
    if type(out.get("n")) is int and out["n"] == 1:
        del out["n"]
    if "stream_options" in out:
        _stream_options(out, volatile)
    if "tools" in value:
        tools = plain(value["tools"], DEPTH)
        out["tools"] = [_ordered(t) if _is_strict(t) else t for t in tools] if type(tools) is list else tools
    return out


def _plain(value: Json, room: int) -> Json:
    """The value with whole floats as integers; itself, no copy, where there are none. At most ``room`` levels deep."""
    kind = type(value)
    if kind is dict:
        return _plain_members(value, value.items(), room)
    if kind is list:
        return _plain_members(value, enumerate(value), room)
    if kind is float:
        if value >= EXACT_LIMIT or value <= -EXACT_LIMIT:
            raise _Inexact
        return int(value) if value.is_integer() else value
    return value


def _plain_members(value: Json, members: Iterable[tuple[Any, Json]], room: int) -> Json:
    if not room:
        raise _too_deep()
    changed = {}
    for name, old in members:
        kind = type(old)
        if kind is str or kind is int:  # most are, and this is the hot path
            continue
        new = _plain(old, room - 1)
        if new is not old:
            changed[name] = new
    if not changed:
        return value
    copy = value.copy()
    for name, new in changed.items():
        copy[name] = new
    return copy


def _exact(value: Json, room: int) -> Json:
    """As ``_plain``, for a body that was read with exact integers: large floats stay what they are."""
    if isinstance(value, dict | list) and not room:
        raise _too_deep()
    if isinstance(value, dict):
        return {k: _exact(v, room - 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_exact(v, room - 1) for v in value]
    if isinstance(value, float) and abs(value) < EXACT_LIMIT and value.is_integer():
        return int(value)
    return value


def _too_deep() -> BadRequest:
    return BadRequest(f"The body is nested more than {DEPTH} levels deep.", code="invalid_json")


def _stream_options(out: dict[str, Json], volatile: Mapping[str, str]) -> None:
    options = out["stream_options"]
    if type(options) is dict:
        options = {k: v for k, v in options.items() if f"stream_options.{k}" not in volatile}
    if options in (None, {}):
        del out["stream_options"]
    else:
        out["stream_options"] = options


def _messages(messages: Json, plain: Callable[[Json, int], Json]) -> Json:
    if type(messages) is not list:
        return plain(messages, DEPTH)
    ids: dict[str, str] = {}
    return [m if _is_text(m) else _message(plain(m, DEPTH - 1), ids) for m in messages]


def _is_text(message: Json) -> bool:
    """Whether it is a role and a text and nothing else, as most are: then it is its own canonical form."""
    return (
        type(message) is dict
        and len(message) == 2
        and type(message.get("content")) is str
        and type(message.get("role")) is str
    )


def _message(message: Json, ids: dict[str, str]) -> Json:
    """The message, or a copy that differs: what was given may be part of the request and is never changed."""
    if type(message) is not dict:
        return message
    content = message.get("content")
    if type(content) is list and len(content) == 1:
        message = {**message, "content": _text_alone(content)}
    if "tool_call_id" in message:
        message = {**message, "tool_call_id": _renamed(message["tool_call_id"], ids)}
    calls = message.get("tool_calls")
    if type(calls) is list:
        message = {**message, "tool_calls": [_call(c, ids) for c in calls]}
    return message


def _call(call: Json, ids: dict[str, str]) -> Json:
    return {**call, "id": _renamed(call["id"], ids)} if type(call) is dict and "id" in call else call


def _renamed(old: Json, ids: dict[str, str]) -> Json:
    return ids.setdefault(old, f"#{len(ids)}") if type(old) is str else old


def _text_alone(content: list[Json]) -> Json:
    part = content[0]
    if type(part) is dict and len(part) == 2 and part.get("type") == "text" and type(part.get("text")) is str:
        return part["text"]
    return content


def _is_strict(tool: Json) -> bool:
    function = tool.get("function") if type(tool) is dict else None
    return type(function) is dict and function.get("strict") is True


def _ordered(value: Json) -> Json:
    """The value with every object below a key ``properties`` as a list of pairs, which sorting leaves in order.

    The list stands in an object of its own, so that no client can write the same form by hand: an object there always
    becomes ``{"ordered": [...]}``, and an array never does.
    """
    kind = type(value)
    if kind is not dict:
        return [_ordered(v) for v in value] if kind is list else value
    return {k: _pairs(v) if k == "properties" and type(v) is dict else _ordered(v) for k, v in value.items()}


def _pairs(value: dict[str, Json]) -> dict[str, Json]:
    return {"ordered": [[k, _ordered(v)] for k, v in value.items()]}
