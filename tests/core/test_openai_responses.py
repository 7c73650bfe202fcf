"""Responses, the request: what decides about its handling, what stands in the way of reuse, what the model reads."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given

from everwarm.core.answer import Form
from everwarm.core.dialects.dialect import Dialect
from everwarm.core.dialects.openai_responses import DIALECT
from everwarm.core.wire import Message, Part, Request, Tool, ToolCall
from everwarm.errors import BadRequest, Overloaded
from requests_like import json_values
from requests_like_responses import responses_requests

HI: dict[str, Any] = {"model": "m", "input": "hi"}


def parsed(**more: Any) -> Request:
    return DIALECT.parse({**HI, **more})


def spoken(*items: Any) -> list[tuple[str, str]]:
    return [(m.role, m.text) for m in parsed(input=list(items)).messages]


def test_the_envelope() -> None:
    dialect: Dialect = DIALECT
    assert (dialect.name, dialect.vendor, dialect.path) == ("openai_responses", "openai", "/v1/responses")
    assert dialect.envelope(HI) == ("m", Form(False), True)
    assert dialect.envelope({**HI, "stream": True, "temperature": 0.0}) == ("m", Form(True, True), False)
    for wrong in ({"model": 3}, {"model": "m", "stream": "yes"}):
        with pytest.raises(BadRequest):
            dialect.envelope(wrong)


# --- obstacles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"conversation": "conv_1"}, "conversation"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"background": True}, "background"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"tools": [{"type": "web_search"}]}, "the tool web_search looks at the world"),
        ({"tools": [{"type": "function", "name": "f"}, {"type": "mcp", "server_label": "x"}]}, "the tool mcp"),
        ({"tools": [{"type": "code_interpreter"}]}, "code_interpreter"),
        ({"tools": [{"type": "namespace", "tools": [{"type": "file_search"}]}]}, "file_search"),
        ({"tools": [{"name": "no type"}]}, "a tool of a type that is not known"),
        ({"tools": [{"type": "x\r\ny"}]}, "a tool of a type that is not known"),
        ({"tools": [{"type": ["web_search"]}]}, "a tool of a type that is not known"),
        ({"input": [{"type": "additional_tools", "tools": [{"type": "web_search_preview"}]}]}, "web_search_preview"),
        ({"input": [{"type": "tool_search_output", "tools": [{"type": "mcp"}]}]}, "the tool mcp"),
    ],
)
def test_what_acts_on_the_world_or_looks_at_it_is_never_reused(more: dict[str, Any], says: str) -> None:
    assert says in (DIALECT.obstacle({**HI, **more}) or "")


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"previous_response_id": "resp_1"},
        {"store": True, "background": False, "conversation": None},
        {"tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}]},
        {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}]},
        {"tools": None},
        {"tools": "malformed", "input": [3]},
        {"tools": [3]},
        {"input": [{"type": "web_search_call", "id": "ws_1", "status": "completed"}]},
        {"input": [{"type": "additional_tools", "tools": [{"type": "function", "name": "f"}]}]},
    ],
)
def test_what_is_decided_by_the_request_alone_may_be_reused(more: dict[str, Any]) -> None:
    assert DIALECT.obstacle({**HI, **more}) is None


# --- for the model inside -------------------------------------------------------------------------------------------


def test_a_text_and_its_instructions() -> None:
    request = parsed(instructions="be brief", temperature=0, top_p=0.5, max_output_tokens=20, vendor=[1], stream=True)
    assert request.messages == (Message("system", (Part("text", "be brief"),)), Message("user", (Part("text", "hi"),)))
    assert (request.dialect, request.model, request.stream, request.tools) == ("openai_responses", "m", True, None)
    assert (request.sampling.temperature, request.sampling.top_p, request.sampling.max_tokens) == (0.0, 0.5, 20)
    assert request.rest["vendor"] == [1]
    assert request.rest["instructions"] == "be brief"


def test_messages_of_all_kinds() -> None:
    assert spoken(
        {"role": "developer", "content": "rules"},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}],
        },
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "c", "annotations": []}],
        },
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ) == [("developer", "rules"), ("user", "ab"), ("assistant", "c"), ("assistant", "no")]


def test_a_part_that_is_not_text_is_kept() -> None:
    [message] = parsed(input=[{"role": "user", "content": [{"type": "input_image", "image_url": "u"}]}]).messages
    assert message.parts == (Part("input_image", None, {"image_url": "u"}),)


def test_what_the_assistant_says_and_the_calls_it_makes_are_one_message() -> None:
    messages = parsed(
        input=[
            {"role": "assistant", "content": "let me see"},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}", "id": "fc_1"},
            {"type": "custom_tool_call", "call_id": "b", "name": "g", "input": "x"},
            {"type": "function_call_output", "call_id": "a", "output": "1"},
            {"type": "custom_tool_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "2"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        ]
    ).messages
    assert [(m.role, m.text, m.call_id) for m in messages] == [
        ("assistant", "let me see", None),
        ("tool", "1", "a"),
        ("tool", "2", "b"),
        ("assistant", "", None),
    ]
    assert messages[0].calls == (
        ToolCall("a", "f", "{}", {"id": "fc_1"}),
        ToolCall("b", None, "", {"name": "g", "input": "x"}),
    )
    assert messages[3].calls == (ToolCall("c", "f", "{}"),)


def test_tools() -> None:
    request = parsed(
        tools=[
            {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True},
            {"type": "function", "name": "g", "description": None},
            {"type": "custom", "name": "c"},
        ]
    )
    assert request.tools == (
        Tool("f", "d", {"type": "object"}, {"type": "function", "strict": True}),
        Tool("g", None, None, {"type": "function", "description": None}),
        Tool(None, None, None, {"type": "custom", "name": "c"}),
    )
    assert parsed(tools=[]).tools == ()


@pytest.mark.parametrize(
    ("more", "param", "says"),
    [
        ({"input": None}, "input", "missing"),
        ({"input": 3}, "input", "3"),
        ({"input": []}, "input", "at least one"),
        ({"input": [3]}, "input[0]", "an object"),
        ({"input": [{"role": 3, "content": "x"}]}, "input[0].role", "3"),
        ({"input": [{"type": "message", "content": "x"}]}, "input[0].role", "missing"),
        ({"input": [{"role": "user"}]}, "input[0].content", "missing"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input[0].content[0].type", "missing"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text", "missing"),
        (
            {"input": [{"role": "assistant", "content": [{"type": "refusal"}]}]},
            "input[0].content[0].refusal",
            "missing",
        ),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id", "missing"),
        ({"input": [{"type": "function_call_output", "call_id": "a"}]}, "input[0].output", "missing"),
        ({"input": [{"type": "custom_tool_call"}]}, "input[0].call_id", "missing"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0]", "no conversations"),
        ({"input": [{"id": "msg_1"}]}, "input[0]", "no conversations"),
        ({"input": [{"type": "web_search_call", "id": "x"}]}, "input[0].type", "cannot read"),
        ({"input": [{"type": ["message"]}]}, "input[0].type", "cannot read"),
        ({"instructions": 3}, "instructions", "a string"),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "no conversations"),
        ({"conversation": "conv_1"}, "conversation", "no conversations"),
        ({"background": True}, "background", "at once"),
        ({"prompt": {"id": "x"}}, "prompt", "no prompts"),
        ({"text": 3}, "text", "an object"),
        ({"text": {"format": 3}}, "text.format", "an object"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format", "json_schema"),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "text.format.schema", "missing"),
        ({"response_format": {"type": "json_object"}}, "response_format", "text.format"),
        ({"include": ["message.output_text.logprobs"]}, "include", "log probabilities"),
        ({"temperature": 3}, "temperature", "0 to 2"),
        ({"top_p": "x"}, "top_p", "a string"),
        ({"max_output_tokens": 0}, "max_output_tokens", "whole number"),
        ({"tools": {}}, "tools", "an array"),
        ({"tools": [{"type": "function"}]}, "tools[0].name", "missing"),
    ],
)
def test_errors_name_the_place(more: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parsed(**more)
    assert caught.value.param == param
    assert says in caught.value.message


@pytest.mark.parametrize(
    "more",
    [
        {"text": None},
        {"text": {"verbosity": "low"}},
        {"text": {"format": {"type": "text"}}},
        {"include": ["reasoning.encrypted_content"]},
        {"previous_response_id": None, "conversation": None, "background": False, "temperature": None},
    ],
)
def test_what_asks_for_nothing_special_is_fine(more: dict[str, Any]) -> None:
    assert parsed(**more).messages[0].text == "hi"


@given(responses_requests())
def test_requests_as_clients_write_them_are_parsed_or_refused(value: dict[str, Any]) -> None:
    try:
        request = DIALECT.parse(value)
    except BadRequest:
        return
    assert request.messages


@given(json_values, json_values)
def test_any_value_is_parsed_or_refused(value: Any, other: Any) -> None:
    with suppress(BadRequest):
        assert DIALECT.parse({"model": "m", "input": [value], "tools": [other]}).messages


def test_errors_have_the_dialects_shape() -> None:
    wrong = BadRequest("no", param="input[0]")
    expected = {"message": "no", "type": "invalid_request_error", "param": "input[0]", "code": "invalid_value"}
    assert orjson.loads(DIALECT.error(wrong)) == {"error": expected}
    assert orjson.loads(DIALECT.error(Overloaded("busy")))["error"]["type"] == "server_error"
