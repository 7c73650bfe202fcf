"""Chat Completions: requests without loss, errors with their place, answers as JSON and as a stream."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.answer import JSON, Form
from everwarm.core.dialects.openai_chat import DIALECT, envelope, parse, write
from everwarm.core.sse import Reader
from everwarm.errors import BadRequest, EverwarmError
from requests_like import chats, json_values, names

HI = {"role": "user", "content": "hi"}


@given(chats(), st.dictionaries(names.map("x_{}".format), json_values, max_size=2))
def test_nothing_is_lost(value: dict[str, Any], more: dict[str, Any]) -> None:
    value = {**more, **value}
    assert write(parse(value)) == value


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant"},
        {"role": "assistant", "content": None, "refusal": None, "audio": {"id": "x"}},
        {"role": "assistant", "content": [], "tool_calls": []},
        {"role": "assistant", "tool_calls": None},
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "x", "input": "y"}}]},
        {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "", "arguments": "{", "x": 1}}]},
        {"role": "tool", "tool_call_id": None, "content": "x"},
        {"role": "tool", "tool_call_id": "", "content": ""},
        {"role": "user", "content": [{"type": "text", "text": "", "x": 1}, {"type": "future", "y": [1]}]},
    ],
)
def test_rare_messages_are_not_lost(message: dict[str, Any]) -> None:
    value = {"model": "m", "messages": [message]}
    assert write(parse(value)) == value


@pytest.mark.parametrize(
    "more",
    [
        {"tools": []},
        {"tools": None, "stop": None, "temperature": None, "stream": None, "n": None},
        {"tools": [{"type": "custom", "custom": {"name": "x"}}]},
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "description": None, "parameters": None, "strict": None}}
            ]
        },
        {"max_tokens": 5.0, "max_completion_tokens": 7, "functions": [{"name": "x"}]},
    ],
)
def test_rare_members_are_not_lost(more: dict[str, Any]) -> None:
    value = {"model": "m", "messages": [HI], **more}
    assert write(parse(value)) == value


def test_sampling_is_read() -> None:
    request = parse(
        {
            "model": "m",
            "messages": [HI],
            "temperature": 1,
            "top_p": 0.5,
            "seed": -3,
            "max_tokens": 5,
            "max_completion_tokens": 7.0,
            "stop": "x",
            "logit_bias": {"7": -100},
            "frequency_penalty": 0.5,
            "presence_penalty": -1,
            "n": 2,
        }
    )
    s = request.sampling
    assert (s.temperature, s.top_p, s.seed, s.max_tokens, s.stop, s.n) == (1.0, 0.5, -3, 7, ("x",), 2)
    assert (s.logit_bias, s.frequency_penalty, s.presence_penalty) == ({7: -100.0}, 0.5, -1.0)


@pytest.mark.parametrize(
    ("value", "param", "says"),
    [
        ({}, "model", "missing"),
        ({"model": 3}, "model", "3"),
        ({"model": ""}, "model", "a string"),
        ({"model": "m"}, "messages", "missing"),
        ({"model": "m", "messages": []}, "messages", "at least one"),
        ({"model": "m", "messages": {}}, "messages", "an object"),
        ({"model": "m", "messages": [1]}, "messages[0]", "an object"),
        ({"model": "m", "messages": [HI, {"content": "x"}]}, "messages[1].role", "missing"),
        ({"model": "m", "messages": [{"role": "user", "content": 5}]}, "messages[0].content", "5"),
        ({"model": "m", "messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type", "missing"),
        (
            {"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages[0].content[0].text",
            "missing",
        ),
        (
            {"model": "m", "messages": [{"role": "a", "tool_calls": [{"function": {}}]}]},
            "messages[0].tool_calls[0].function.name",
            "missing",
        ),
        ({"model": "m", "messages": [HI], "tools": [{"function": {}}]}, "tools[0].function.name", "missing"),
        ({"model": "m", "messages": [HI], "tools": {}}, "tools", "an array"),
        ({"model": "m", "messages": [HI], "stream": "yes"}, "stream", "true or false"),
        ({"model": "m", "messages": [HI], "temperature": 3}, "temperature", "0 to 2"),
        ({"model": "m", "messages": [HI], "temperature": True}, "temperature", "a boolean"),
        ({"model": "m", "messages": [HI], "top_p": "x"}, "top_p", "a string"),
        ({"model": "m", "messages": [HI], "n": 0}, "n", "1 to 128"),
        ({"model": "m", "messages": [HI], "max_tokens": 1.5}, "max_tokens", "whole number"),
        ({"model": "m", "messages": [HI], "max_completion_tokens": 0}, "max_completion_tokens", "whole number"),
        ({"model": "m", "messages": [HI], "stop": ["a"] * 5}, "stop", "up to four"),
        ({"model": "m", "messages": [HI], "stop": [""]}, "stop", "non-empty"),
        ({"model": "m", "messages": [HI], "logit_bias": []}, "logit_bias", "an object"),
        ({"model": "m", "messages": [HI], "logit_bias": {"x": 1}}, "logit_bias", "token id"),
        ({"model": "m", "messages": [HI], "logit_bias": {"5": 101}}, "logit_bias.5", "-100 to 100"),
    ],
)
def test_errors_name_the_place(value: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(value)
    assert caught.value.param == param
    assert says in caught.value.message


def test_errors_do_not_repeat_the_prompt() -> None:
    with pytest.raises(BadRequest) as caught:
        parse({"model": "m", "messages": "my secret"})
    assert "secret" not in caught.value.message


@given(json_values)
def test_any_object_is_parsed_or_refused(value: Any) -> None:
    try:
        request = parse(value if isinstance(value, dict) else {"model": "m", "messages": value})
    except BadRequest:
        return
    assert request.messages


def test_the_envelope() -> None:
    assert DIALECT.envelope({"model": "m"}) == envelope({"model": "m"}) == ("m", JSON, True)
    asked = {"model": "m", "stream": True, "stream_options": {"include_usage": True}, "temperature": 0.0}
    assert envelope(asked) == ("m", Form(True, True), False)
    assert envelope({"model": "m", "stream": True, "stream_options": 3}) == ("m", Form(True, False), True)


def test_what_looks_at_the_world_is_never_reused() -> None:
    assert DIALECT.obstacle({"model": "m"}) is None
    assert "world" in (DIALECT.obstacle({"model": "m", "web_search_options": {"user_location": None}}) or "")


def test_errors_have_the_dialects_shape() -> None:
    wrong = BadRequest("no", param="messages[0]")
    expected = {"message": "no", "type": "invalid_request_error", "param": "messages[0]", "code": "invalid_value"}
    assert orjson.loads(DIALECT.error(wrong)) == {"error": expected}
    [event] = Reader().feed(DIALECT.error_event(EverwarmError("x")))
    assert orjson.loads(event.data)["error"]["type"] == "server_error"
