"""The canonical form of Responses: what two requests must share to be given one answer."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given

from everwarm.core.body import read
from everwarm.core.canonical import canonical
from requests_like_responses import responses_requests

HI: dict[str, Any] = {"model": "m", "input": "hi"}


def form(value: dict[str, Any]) -> bytes:
    return canonical("openai_responses", read(orjson.dumps(value)), "m")


def with_(**more: Any) -> dict[str, Any]:
    return {**HI, **more}


def items(*given_: Any) -> dict[str, Any]:
    return with_(input=list(given_))


def message(content: Any, role: str = "user", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"type": "input_text", "text": said, **more}


SAID = {
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "x"}],
}

SAME = [
    (items(message("hi")), HI),
    (items(message([text("hi")])), HI),
    (items(message("hi", type="message")), HI),
    (items(message([text("hi")], type="message")), HI),
    (items(message("be brief", "developer")), items(message([text("be brief")], "developer"))),
    (
        items(message("a", "assistant", type="message", phase="final_answer")),
        items(message("a", "assistant", phase="final_answer")),
    ),
    (items({**SAID, "id": "msg_1"}), items({**SAID, "id": "msg_2"})),
    (with_(stream=True, user="u", safety_identifier="s", metadata={"a": "b"}, service_tier="flex"), HI),
    (
        with_(
            prompt_cache_key="k", prompt_cache_retention="24h", prompt_cache_options={"mode": "explicit", "ttl": "30m"}
        ),
        HI,
    ),
    (with_(prompt_cache_options=None, stream_options={"include_obfuscation": False}), HI),
    (with_(temperature=0), with_(temperature=0.0)),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same_meaning_same_form(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert form(one) == form(other)


DIFFERENT = [
    (items(message("hi", "developer")), HI),
    (items(message("hi"), message("hi")), HI),
    (items(message([text("h"), text("i")])), HI),
    (items(message([text("hi", prompt_cache_breakpoint={"mode": "explicit"})])), HI),
    (items(message([{"type": "output_text", "text": "hi"}], "assistant")), items(message("hi", "assistant"))),
    (items(message([text("hi")], "assistant")), items(message("hi", "assistant"))),
    (items(message("hi", status="completed")), HI),
    (items(message("hi", status="completed", type="message")), items(message("hi", status="completed"))),
    (items(SAID), items({**SAID, "status": "incomplete"})),
    (items(SAID), items({**SAID, "id": "msg_1"})),
    (items({"type": "item_reference", "id": "msg_1"}), items({"type": "item_reference", "id": "msg_2"})),
    (items({"id": "msg_1"}), items({"id": "msg_2"})),
    (
        items({"type": "reasoning", "id": "rs_1", "summary": []}),
        items({"type": "reasoning", "id": "rs_2", "summary": []}),
    ),
    (with_(store=False), HI),
    (with_(store=True), HI),
    (with_(previous_response_id="resp_1"), with_(previous_response_id="resp_2")),
    (with_(include=["reasoning.encrypted_content"]), HI),
    (with_(instructions="hi"), HI),
    (with_(instructions=""), HI),
    (with_(prompt_cache_options={"prewarm": True}), HI),
    (with_(prompt_cache_options={"comparison_response_id": "resp_1"}), HI),
    (with_(stream_options={"new": 1}), HI),
    (with_(vendor=1), HI),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_meaning_another_form(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert form(one) != form(other)


def calls(first: str, second: str, answered: tuple[str, str], kind: str = "function_call") -> dict[str, Any]:
    made = [{"type": kind, "id": f"fc_{i}", "call_id": i, "name": "f", "arguments": "{}"} for i in (first, second)]
    return items(*made, *({"type": f"{kind}_output", "call_id": i, "output": "x"} for i in answered))


@pytest.mark.parametrize("kind", ["function_call", "custom_tool_call"])
def test_ids_of_calls_count_by_who_refers_to_whom(kind: str) -> None:
    base = calls("a", "b", ("a", "b"), kind)
    assert form(calls("x", "y", ("x", "y"), kind)) == form(base)
    assert form(calls("b", "a", ("b", "a"), kind)) == form(base)
    assert form(calls("a", "b", ("b", "a"), kind)) != form(base)
    assert form(calls("a", "b", ("a", "a"), kind)) != form(base)
    assert form(calls("a", "b", ("a", "c"), kind)) != form(base)


def test_ids_of_the_providers_own_calls_count() -> None:
    assert form(calls("a", "b", ("a", "b"), "computer_call")) != form(calls("x", "y", ("x", "y"), "computer_call"))


def schema(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {n: {"type": "string"} for n in names}}


def tool(*names: str, **more: Any) -> dict[str, Any]:
    return {"type": "function", "name": "f", "parameters": schema(*names), **more}


@pytest.mark.parametrize("more", [{}, {"strict": True}, {"strict": None}])
def test_order_of_properties_counts_in_tools_that_may_be_strict(more: dict[str, Any]) -> None:
    assert form(with_(tools=[tool("a", "b", **more)])) != form(with_(tools=[tool("b", "a", **more)]))
    inside = [items({"type": "additional_tools", "tools": [tool(*names, **more)]}) for names in ("ab", "ba")]
    assert form(inside[0]) != form(inside[1])


def test_order_of_properties_does_not_count_in_a_tool_that_is_not_strict() -> None:
    assert form(with_(tools=[tool("a", "b", strict=False)])) == form(with_(tools=[tool("b", "a", strict=False)]))


def test_order_of_properties_counts_in_the_format_of_the_answer() -> None:
    shaped = [
        with_(text={"format": {"type": "json_schema", "name": "n", "schema": schema(*names)}}) for names in ("ab", "ba")
    ]
    assert form(shaped[0]) != form(shaped[1])


@given(responses_requests())
def test_the_request_is_not_touched(value: dict[str, Any]) -> None:
    body = read(orjson.dumps(value))
    before = deepcopy(body.value)
    canonical("openai_responses", body, "m")
    assert body.value == before


@pytest.mark.parametrize(
    "value",
    [
        {"input": 3, "tools": 3, "stream_options": 3, "prompt_cache_options": [1]},
        {"input": [1, None, {}, {"type": []}, {"role": {}, "content": None}, {"type": "message", "role": ["user"]}]},
        {"input": [{"type": "message", "id": 3}, {"type": "function_call", "call_id": {}}], "tools": [1, {"type": {}}]},
        {"input": [{"type": "message", "role": "user", "content": [1]}, message([{"type": "input_text", "text": 1}])]},
    ],
)
def test_malformed_requests_have_a_form_too(value: dict[str, Any]) -> None:
    assert json.loads(form({"model": "m", **value}))["model"] == "m"
