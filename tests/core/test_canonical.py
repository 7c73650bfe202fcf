"""The canonical form: equal meaning, equal bytes, and never the reverse."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.body import read
from everwarm.core.canonical import canonical
from everwarm.core.plain import DEPTH
from everwarm.errors import BadRequest
from requests_like import chats

CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def form(value: Any, model: str = "m") -> bytes:
    data = value if isinstance(value, bytes) else orjson.dumps(value)
    return canonical("openai_chat", read(data), model)


def with_(**more: Any) -> dict[str, Any]:
    return {**deepcopy(CHAT), **more}


def shuffled(value: Any, draw: st.DrawFn) -> Any:
    """The value with the keys of every object in another order."""
    if isinstance(value, dict):
        return {k: shuffled(value[k], draw) for k in draw(st.permutations(sorted(value)))}
    if isinstance(value, list):
        return [shuffled(v, draw) for v in value]
    return value


@given(chats(), st.data())
def test_order_white_space_and_escapes_do_not_count(value: dict[str, Any], data: st.DataObject) -> None:
    value.pop("response_format", None)
    for tool in value.get("tools", []):
        tool["function"].pop("strict", None)
    other = shuffled(value, data.draw)
    assert form(json.dumps(other, ensure_ascii=True, indent=3).encode()) == form(value)


@given(chats())
def test_the_form_is_json_of_the_same_messages_count(value: dict[str, Any]) -> None:
    again = json.loads(form(value))
    assert len(again["messages"]) == len(value["messages"])
    assert again["model"] == "m"


SAME = [
    (with_(temperature=0), with_(temperature=0.0)),
    (with_(temperature=0), b'{"temperature": -0.0, "messages": [{"role":"user","content":"hi"}], "model": "m"}'),
    (with_(n=1), with_()),
    (with_(n=1.0), with_()),
    (with_(stream=True), with_()),
    (with_(stream=True, stream_options={"include_usage": True}), with_()),
    (with_(stream_options=None), with_()),
    (with_(user="a", metadata={"b": [1]}, store=True, service_tier="flex", prompt_cache_key="k"), with_()),
    (with_(messages=[{"role": "user", "content": [{"type": "text", "text": "hi"}]}]), with_()),
    (with_(messages=[{"content": "hi", "role": "user"}]), with_()),
    (b'{"model":"m","messages":[{"role":"user","content":"\\u0068\\u0069"}]}', with_()),
    (with_(max_tokens=100), with_(max_tokens=1e2)),
    (with_(x=2**53 - 1), b'{"model":"m","messages":[{"role":"user","content":"hi"}],"x":9007199254740991.0}'),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same_meaning_same_form(one: Any, other: Any) -> None:
    assert form(one) == form(other)


DIFFERENT = [
    (with_(temperature=0), with_()),
    (with_(temperature=0), with_(temperature=0.1)),
    (with_(n=2), with_()),
    (with_(n=True), with_()),
    (with_(unknown=1), with_()),
    (with_(unknown=1), with_(unknown=True)),
    (with_(unknown=1), with_(unknown="1")),
    (with_(unknown=None), with_()),
    (with_(unknown=0), with_(unknown=False)),
    (with_(unknown=[]), with_(unknown={})),
    (with_(stream_options={"new": 1}), with_()),
    (with_(messages=[{"role": "user", "content": "hi "}]), with_()),
    (with_(messages=[{"role": "user", "content": "hi", "metadata": 1}]), with_()),
    (with_(messages=[{"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {}}]}]), with_()),
    (
        with_(messages=[{"role": "user", "content": [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]}]),
        with_(),
    ),
    (with_(messages=[{"role": "user", "content": "\u00e9"}]), with_(messages=[{"role": "user", "content": "e\u0301"}])),
    (b'{"x":18446744073709551616,"model":"m"}', b'{"x":18446744073709551617,"model":"m"}'),
    (b'{"x":18446744073709551616,"model":"m"}', b'{"x":18446744073709551616.0,"model":"m"}'),
    (b'{"x":9007199254740993,"model":"m"}', b'{"x":9007199254740992,"model":"m"}'),
    (b'{"x":[1e300, 1],"model":"m"}', b'{"x":[1e300, 2],"model":"m"}'),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_meaning_another_form(one: Any, other: Any) -> None:
    assert form(one) != form(other)


def calls(first: str, second: str, answers: tuple[str, str]) -> dict[str, Any]:
    made = [{"id": i, "type": "function", "function": {"name": "f", "arguments": "{}"}} for i in (first, second)]
    results = [{"role": "tool", "tool_call_id": i, "content": "x"} for i in answers]
    return with_(messages=[{"role": "assistant", "content": None, "tool_calls": made}, *results])


def test_ids_of_tool_calls_count_by_who_refers_to_whom() -> None:
    base = calls("a", "b", ("a", "b"))
    assert form(calls("x", "y", ("x", "y"))) == form(base)
    assert form(calls("b", "a", ("b", "a"))) == form(base)
    assert form(calls("a", "b", ("b", "a"))) != form(base)
    assert form(calls("a", "b", ("a", "a"))) != form(base)
    assert form(calls("a", "b", ("a", "c"))) != form(base)


def schema(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {n: {"type": "string"} for n in names}}


def tool(parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return with_(tools=[{"type": "function", "function": {"name": "f", "parameters": parameters, **more}}])


def shaped(inner: dict[str, Any]) -> dict[str, Any]:
    return with_(response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": inner}})


def test_order_of_properties_counts_where_it_orders_the_answer() -> None:
    assert form(shaped(schema("a", "b"))) != form(shaped(schema("b", "a")))
    assert form(tool(schema("a", "b"), strict=True)) != form(tool(schema("b", "a"), strict=True))
    assert form(tool(schema("a", "b"))) == form(tool(schema("b", "a")))
    other = {"properties": schema("a", "b")["properties"], "type": "object"}
    assert form(shaped(other)) == form(shaped(schema("a", "b")))


def test_order_of_properties_counts_in_members_that_we_do_not_know() -> None:
    """Other engines have other names for a schema that constrains the answer: guided_json is one."""
    assert form(with_(guided_json=schema("a", "b"))) != form(with_(guided_json=schema("b", "a")))


def test_a_member_called_like_a_volatile_path_is_not_volatile() -> None:
    assert form({**CHAT, "stream_options.include_usage": 1}) != form(CHAT)


def test_no_client_can_write_the_ordered_form_by_hand() -> None:
    real = shaped(schema("a"))
    forged = shaped({"type": "object", "properties": {"ordered": [["a", {"type": "string"}]]}})
    as_list = shaped({"type": "object", "properties": [["a", {"type": "string"}]]})
    assert len({form(real), form(forged), form(as_list)}) == 3


def test_the_alias_does_not_count_but_the_model_does() -> None:
    assert form(with_(model="default"), "m") == form(with_(model="smollm2"), "m")
    assert form(CHAT, "m") != form(CHAT, "other")


def test_nesting_is_bounded() -> None:
    def nested(levels: int) -> dict[str, Any]:
        value: Any = 1
        for _ in range(levels):
            value = [value]
        return with_(x=value)

    form(nested(DEPTH - 1))
    with pytest.raises(BadRequest, match="nested"):
        form(nested(DEPTH + 1))
    with pytest.raises(BadRequest, match="nested"):
        form(b'{"model":"m","x":18446744073709551616,"y":' + b"[" * 200 + b"]" * 200 + b"}")
    assert form(b'{"model":"m","x":18446744073709551616,"y":{"z":1.0}}') == form(
        b'{"y":{"z":1},"model":"m","x":18446744073709551616}'
    )


@given(chats())
def test_the_request_is_not_touched(value: dict[str, Any]) -> None:
    body = read(orjson.dumps(value))
    canonical("openai_chat", body, "m")
    assert body.value == value


@pytest.mark.parametrize(
    "value",
    [
        {"model": "m", "messages": "no list"},
        {"model": "m", "messages": [1, None, {"tool_calls": 3}], "tools": {"a": 1}},
        {
            "model": "m",
            "messages": [{"tool_call_id": 3, "tool_calls": [1, {"id": 2}]}],
            "tools": [1, {"function": 3}],
            "response_format": 3,
        },
    ],
)
def test_malformed_requests_have_a_form_too(value: dict[str, Any]) -> None:
    assert json.loads(form(value))["model"] == "m"
