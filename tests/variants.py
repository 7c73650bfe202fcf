"""Second requests that differ from the first by one thing, and what becomes of them: the table of docs/gateway.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}}
TURNED = {"properties": {"unit": {"type": "string"}, "city": {"type": "string"}}, "type": "object"}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Looks it up", "parameters": SCHEMA}}

BASE: dict[str, Any] = {
    "model": "gpt-x",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is a caché?"},
    ],
    "temperature": 0,
}


@dataclass(frozen=True)
class Variant:
    """One row. ``second`` is sent after ``first``; as text where the spelling is the difference."""

    name: str
    second: Any
    expect: str  # hit | miss | bypass | 400
    why: str
    first: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    first_headers: Mapping[str, str] = field(default_factory=dict)


def with_(**more: Any) -> dict[str, Any]:
    """The base with other members."""
    return {**deepcopy(BASE), **more}


def without(name: str) -> dict[str, Any]:
    """The base without a member."""
    return {k: v for k, v in BASE.items() if k != name}


def said(*content: Any) -> dict[str, Any]:
    """The base with another last message."""
    return with_(messages=[BASE["messages"][0], *content])


def called(call_id: str) -> dict[str, Any]:
    """A conversation with a tool call of this id."""
    call = {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    turns = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": "sunny"},
    ]
    return with_(messages=[*BASE["messages"], *turns])


def strict(schema: Any) -> dict[str, Any]:
    """With a tool whose calls must follow its schema."""
    return with_(tools=[{"type": "function", "function": {"name": "weather", "strict": True, "parameters": schema}}])


def held_to(schema: Any) -> dict[str, Any]:
    """With an answer that must follow a schema."""
    return with_(response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}})


def tools(*names: str) -> dict[str, Any]:
    """With these tools, in this order."""
    return with_(tools=[{"type": "function", "function": {"name": n}} for n in names])


TEXT = json.dumps(BASE, ensure_ascii=False)
USER = BASE["messages"][1]
SAME_MEANING = "one meaning, spelled in two ways"
ANSWER = "it can change the answer"
LABEL = "a label, which the model does not see"

VARIANTS = [
    Variant("nothing", TEXT, "hit", "the same request"),
    Variant("order of keys, top level", json.dumps(dict(reversed(BASE.items()))), "hit", SAME_MEANING),
    Variant("order of keys in a message", said({"content": USER["content"], "role": "user"}), "hit", SAME_MEANING),
    Variant("white space in the JSON", json.dumps(BASE, indent=3), "hit", SAME_MEANING),
    Variant("`\\u00e9` or `é`", json.dumps(BASE, ensure_ascii=True), "hit", SAME_MEANING),
    Variant("`temperature` 0 or 0.0", with_(temperature=0.0), "hit", SAME_MEANING),
    Variant("a text, or one text part", said({"role": "user", "content": [{"type": "text", "text": USER["content"]}]}),
            "hit", SAME_MEANING),
    Variant("`n` absent or 1", with_(n=1), "hit", SAME_MEANING),
    Variant("`stream` absent or false", with_(stream=False), "hit", SAME_MEANING),
    Variant("JSON, then a stream", with_(stream=True), "hit", "one entry serves both forms"),
    Variant("a stream with counts, then JSON", BASE, "hit", "one entry serves both forms",
            with_(stream=True, stream_options={"include_usage": True})),
    Variant("a stream with counts, then one without", with_(stream=True), "hit", "counts are left out",
            with_(stream=True, stream_options={"include_usage": True})),
    Variant("a stream without counts, then JSON", BASE, "miss",
            "JSON tells the tokens, and the stream did not (with `count_streams` it does: then a hit)",
            with_(stream=True)),
    Variant("ids of tool calls", called("call_b"), "hit", "clients make them up; who answers whom counts",
            called("call_a")),
    Variant("order of keys in a tool's schema", with_(tools=[{**TOOL, "function": {**TOOL["function"],
            "parameters": TURNED}}]), "hit", "it is input of the model only by the provider's rendering",
            with_(tools=[TOOL])),
    Variant("the same, and the tool is `strict`", strict(TURNED), "miss", "it orders what the model writes",
            strict(SCHEMA)),
    Variant("order of keys in `response_format`", held_to(TURNED), "miss", "it orders what the model writes",
            held_to(SCHEMA)),
    Variant("order of tools", tools("b", "a"), "miss", ANSWER, tools("a", "b")),
    *(Variant(f"`{name}` differs", with_(**{name: new}), "hit", LABEL, with_(**{name: old})) for name, old, new in (
        ("user", "u1", "u2"), ("metadata", {"a": "1"}, {"a": "2"}), ("store", True, False),
        ("service_tier", "auto", "flex"), ("prompt_cache_key", "k1", "k2"), ("safety_identifier", "s1", "s2"))),
    *(Variant(f"`{name}` differs", with_(**{name: new}), "miss", ANSWER, with_(**{name: old})) for name, old, new in (
        ("model", "gpt-x", "gpt-y"), ("temperature", 0, 0.5), ("top_p", 0.5, 0.6), ("seed", 1, 2),
        ("max_tokens", 10, 11), ("stop", "a", "b"), ("logit_bias", {"1": 1}, {"1": 2}),
        ("reasoning_effort", "low", "high"), ("tool_choice", "auto", "none"), ("parallel_tool_calls", True, False))),
    Variant("an unknown vendor's parameter differs", with_(x_vendor=2), "miss", "and it is forwarded",
            with_(x_vendor=1)),
    Variant("an unknown parameter more", with_(x_vendor=None), "miss", "what is not known may matter"),
    Variant("one character of the system prompt", with_(messages=[{"role": "system", "content": "Be brief!"}, USER]),
            "miss", ANSWER),
    Variant("Unicode in another normal form", said({"role": "user", "content": "What is a cache\u0301?"}), "miss",
            "other bytes are other tokens"),
    Variant("white space in a message", said({"role": "user", "content": USER["content"] + " "}), "miss", ANSWER),
    Variant("2^53 or 2^53 + 1 as `seed`", with_(seed=2**53 + 1), "miss", "integers stay exact", with_(seed=2**53)),
    Variant("a key that stands twice", TEXT[:-1] + ', "seed": 1, "seed": 2}', "bypass", "it has two meanings"),
    Variant("half a surrogate pair", TEXT.replace("brief", "\\ud800"), "bypass", "it is no text"),
    Variant("`NaN`", TEXT.replace('"temperature": 0', '"temperature": NaN'), "400", "it is no JSON"),
    Variant("another credential", BASE, "miss", "another tenant", headers={"authorization": "Bearer sk-b"}),
    Variant("`x-tenant`, `cache_salt` and the like", with_(), "miss",
            "an unknown header reaches the provider, so it counts", headers={"x-tenant": "b"}),
    Variant("`User-Agent`, trace and request ids", BASE, "hit", "they cannot change an answer",
            headers={"user-agent": "other/2", "traceparent": "00-aa-bb-01", "x-request-id": "2"}),
    Variant("`OpenAI-Organization`", BASE, "miss", "it reaches the provider",
            headers={"openai-organization": "o2"}),
    Variant("`Cache-Control: no-cache`", BASE, "miss", "asked anew, and replaced",
            headers={"cache-control": "no-cache"}),
    Variant("`Cache-Control: no-store`", BASE, "bypass", "neither read nor written",
            headers={"cache-control": "no-store"}),
]  # fmt: skip
