"""The canonical form of Messages: what two requests must share to be given one answer."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given

from everwarm.core.body import read
from everwarm.core.canonical import canonical
from requests_like_anthropic import anthropic_requests

HI: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
MARK = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def form(value: dict[str, Any]) -> bytes:
    return canonical("anthropic_messages", read(orjson.dumps(value)), "m")


def with_(**more: Any) -> dict[str, Any]:
    return {**deepcopy(HI), **more}


def user(*blocks: Any) -> dict[str, Any]:
    return with_(messages=[{"role": "user", "content": list(blocks)}])


def text(said: str = "hi", **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def result(content: Any, **more: Any) -> dict[str, Any]:
    return user({"type": "tool_result", "tool_use_id": "a", "content": content, **more})


def tool(*names: str, **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {n: {"type": "string"} for n in names}}
    return {"name": "f", "input_schema": schema, **more}


SAME = [
    (user(text()), HI),
    (user(text(**MARK)), HI),
    (user(text(cache_control=None)), HI),
    (user(text("a"), text("b", **MARK)), user(text("a"), text("b"))),
    (with_(system="s"), with_(system=[text("s", **MARK)])),
    (with_(system=[text("s"), text("t", **MARK)]), with_(system=[text("s"), text("t")])),
    (result("x"), result([text("x")])),
    (result("x", **MARK), result([text("x", **MARK)])),
    (with_(tools=[tool("a", **MARK)]), with_(tools=[tool("a")])),
    (with_(tools=[tool("a", "b")]), with_(tools=[tool("b", "a")])),
    (with_(temperature=1), with_(temperature=1.0)),
    (with_(**MARK, stream=True, metadata={"user_id": "u"}, service_tier="standard_only"), HI),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same_meaning_same_form(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert form(one) == form(other)


DIFFERENT = [
    (user(text(), text("")), HI),
    (user(text("h"), text("i")), HI),
    (user(text(citations=None)), HI),
    (user({"type": "thinking", "text": "hi"}), HI),
    (with_(system="s"), HI),
    (with_(system=""), HI),
    (with_(max_tokens=6), HI),
    (with_(thinking={"type": "adaptive"}), HI),
    (with_(diagnostics={"previous_message_id": "x"}), HI),
    (user({"type": "tool_use", "id": "a", "name": "f", "input": MARK}), user({"type": "tool_use", "id": "a"})),
    (
        user({"type": "tool_use", "id": "a", "name": "f", "input": MARK}),
        user({"type": "tool_use", "id": "a", "name": "f", "input": {}}),
    ),
    (with_(tools=[tool("cache_control")]), with_(tools=[tool()])),
    (with_(tools=[tool("a", "b", strict=True)]), with_(tools=[tool("b", "a", strict=True)])),
    (
        user({"type": "thinking", "thinking": "x", "signature": "s"}),
        user({"type": "thinking", "thinking": "x", "signature": "t"}),
    ),
    (user({"type": "server_tool_use", "id": "a"}), user({"type": "server_tool_use", "id": "b"})),
    (result("x"), result("x", is_error=True)),
    (result("x"), result([text("x"), text("")])),
    (
        user({"type": "tool_addition", "tool": {"definition": tool("a", "b", strict=True)}}),
        user({"type": "tool_addition", "tool": {"definition": tool("b", "a", strict=True)}}),
    ),
    (
        with_(output_config={"format": {"schema": tool("a", "b")["input_schema"]}}),
        with_(output_config={"format": {"schema": tool("b", "a")["input_schema"]}}),
    ),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_meaning_another_form(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert form(one) != form(other)


def calls(first: str, second: str, answers: tuple[str, str]) -> dict[str, Any]:
    made = [{"type": "tool_use", "id": i, "name": "f", "input": {}} for i in (first, second)]
    results = [{"type": "tool_result", "tool_use_id": i, "content": "x"} for i in answers]
    return with_(messages=[{"role": "assistant", "content": made}, {"role": "user", "content": results}])


def test_ids_of_tool_calls_count_by_who_refers_to_whom() -> None:
    base = calls("a", "b", ("a", "b"))
    assert form(calls("x", "y", ("x", "y"))) == form(base)
    assert form(calls("b", "a", ("b", "a"))) == form(base)
    assert form(calls("a", "b", ("b", "a"))) != form(base)
    assert form(calls("a", "b", ("a", "a"))) != form(base)
    assert form(calls("a", "b", ("a", "c"))) != form(base)


@given(anthropic_requests())
def test_the_request_is_not_touched(value: dict[str, Any]) -> None:
    body = read(orjson.dumps(value))
    canonical("anthropic_messages", body, "m")
    assert body.value == value


@pytest.mark.parametrize(
    "value",
    [
        {"model": "m", "messages": "none", "system": 5, "tools": 5},
        {
            "model": "m",
            "messages": [1, None, {"content": 3}, {"content": [1, None, {"type": 7}, {"type": "tool_use"}]}],
        },
        {"model": "m", "messages": [{"content": [{"type": "tool_use", "id": 3}]}], "tools": [1, {"strict": 1}]},
        {"model": "m", "messages": [{"content": [{"type": "tool_result", "content": [1], "tool_use_id": None}]}]},
    ],
)
def test_malformed_requests_have_a_form_too(value: dict[str, Any]) -> None:
    assert json.loads(form(value))["model"] == "m"
