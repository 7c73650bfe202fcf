"""Messages, the request: what decides about its handling, and what the model inside is asked."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.answer import Form
from everwarm.core.body import read
from everwarm.core.dialects.anthropic import DIALECT, parse_count
from everwarm.core.wire import Message, Part, Tool, ToolCall
from everwarm.engine.demands import require_honourable
from everwarm.errors import BadRequest, EverwarmError, ModelNotFound, Overloaded, TimedOut, TooLarge, Unsupported
from requests_like import json_values
from requests_like_anthropic import anthropic_requests

HI: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}
WEB = {"type": "web_search_20250305", "name": "web_search"}


def with_(**more: Any) -> dict[str, Any]:
    return {**deepcopy(HI), **more}


def turns(*messages: dict[str, Any]) -> dict[str, Any]:
    return with_(messages=list(messages))


def test_the_envelope() -> None:
    assert DIALECT.envelope({"model": "m"}) == ("m", Form(stream=False), True)
    assert DIALECT.envelope(with_(stream=True, temperature=0)) == ("m", Form(stream=True), False)


@pytest.mark.parametrize(("more", "param"), [({"model": 3}, "model"), ({"stream": 1}, "stream")])
def test_a_wrong_envelope_is_named(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as e:
        DIALECT.envelope(with_(**more))
    assert e.value.param == param


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"tools": [WEB]}, "the tool web_search_20250305 looks at the world"),
        ({"tools": [{"name": "f"}, {"type": "web_fetch_20260318"}]}, "the tool web_fetch_20260318 looks at the world"),
        ({"tools": [{"type": "code_execution_20260521"}]}, "the tool code_execution_20260521 looks at the world"),
        ({"tools": [{"type": "mcp_toolset"}]}, "the tool mcp_toolset looks at the world"),
        ({"tools": [{"type": "a\r\nx: y"}]}, "a tool of a type that is not known looks at the world"),
        ({"tools": [{"type": 7}]}, "a tool of a type that is not known looks at the world"),
        ({"mcp_servers": [{"type": "url"}]}, "mcp_servers: the answer looks at the world"),
        ({"container": "c_1"}, "container: the answer changes what is in it"),
        ({"thread": {"type": "create"}}, "thread: the answer becomes part of it"),
    ],
)
def test_an_obstacle_is_named(more: dict[str, Any], why: str) -> None:
    assert DIALECT.obstacle(with_(**more)) == why


def test_a_tool_that_is_defined_in_the_middle_is_an_obstacle_too() -> None:
    added = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": WEB}}
    assert "web_search" in (DIALECT.obstacle(turns({"role": "system", "content": [added]})) or "")
    named = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "f"}}
    assert DIALECT.obstacle(turns({"role": "system", "content": [named, 5, {"type": "tool_addition"}]})) is None


@pytest.mark.parametrize(
    "tool",
    [
        {"name": "f", "input_schema": {}},
        {"type": "custom", "name": "f", "input_schema": {}},
        {"type": "bash_20250124", "name": "bash"},
        {"type": "text_editor_20250728"},
        {"type": "computer_toolset_20260801"},
        {"type": "browser_toolset_20260801"},
        {"type": "memory_20250818"},
        {"type": "tool_search_tool_regex_20251119"},
        5,
    ],
)
def test_a_tool_that_the_client_runs_is_no_obstacle(tool: Any) -> None:
    assert DIALECT.obstacle(with_(tools=[tool])) is None
    assert DIALECT.obstacle(with_(tools={"a": tool}, container=None, mcp_servers=[])) is None


def test_a_plain_request_is_read() -> None:
    request = DIALECT.parse(
        with_(
            system="be brief",
            temperature=1,
            top_p=0.5,
            top_k=3,
            stop_sequences=["x", "y"],
            stream=True,
            tools=[{"name": "f", "description": "d", "input_schema": {"b": 1, "a": 2}, "strict": True}],
            tool_choice={"type": "auto", "disable_parallel_tool_use": True},
            thinking={"type": "adaptive"},
            output_config={"effort": "low"},
        )
    )
    s = request.sampling
    assert (s.temperature, s.top_p, s.max_tokens, s.stop, s.n) == (1.0, 0.5, 5, ("x", "y"), 1)
    assert (request.dialect, request.model, request.stream) == ("anthropic_messages", "m", True)
    assert request.messages == (Message("system", (Part("text", "be brief"),)), Message("user", (Part("text", "hi"),)))
    assert request.tools == (Tool("f", "d", {"b": 1, "a": 2}, {"strict": True}),)
    assert request.rest["tool_choice"] == "auto"
    assert request.rest["top_k"] == 3
    require_honourable(request, vocabulary=10)


def test_results_of_tools_are_messages_of_their_own() -> None:
    request = DIALECT.parse(
        turns(
            {"role": "user", "content": "sum?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "text", "text": "let me see"},
                    {"type": "tool_use", "id": "t1", "name": "add", "input": {"b": 1, "a": "é"}},
                    {"type": "tool_use", "id": "t2", "name": "now", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "2", "is_error": False},
                    {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "noon"}]},
                    {"type": "text", "text": "so?", "cache_control": {"type": "ephemeral"}},
                    {"type": "tool_result", "tool_use_id": "t3"},
                ],
            },
        )
    )
    _, said, first, second, asked, third = request.messages
    assert (said.text, said.role) == ("let me see", "assistant")
    assert said.calls == (ToolCall("t1", "add", '{"b":1,"a":"é"}'), ToolCall("t2", "now", "{}"))
    assert (first.role, first.text, first.call_id, first.rest) == ("tool", "2", "t1", {"is_error": False})
    assert (second.role, second.text, second.call_id) == ("tool", "noon", "t2")
    assert (asked.role, asked.text) == ("user", "so?")
    assert (third.role, third.text, third.call_id) == ("tool", "", "t3")


def test_a_turn_that_only_thought_is_still_a_turn() -> None:
    thought = {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "x"}]}
    request = DIALECT.parse(turns(HI["messages"][0], thought, HI["messages"][0]))
    assert [(m.role, m.text) for m in request.messages] == [("user", "hi"), ("assistant", ""), ("user", "hi")]


@pytest.mark.parametrize("kind", ["image", "document", "server_tool_use", "web_search_tool_result", "new"])
def test_what_is_no_text_is_kept_for_the_model_to_refuse_by_name(kind: str) -> None:
    request = DIALECT.parse(turns({"role": "user", "content": [{"type": kind, "source": {"data": "x"}}]}))
    [part] = request.messages[0].parts
    assert (part.kind, part.text, part.rest) == (kind, None, {"source": {"data": "x"}})
    with pytest.raises(Unsupported, match=kind):
        require_honourable(request, vocabulary=10)


def block(**members: Any) -> dict[str, Any]:
    return turns({"role": "user", "content": [members]})


@pytest.mark.parametrize(
    ("value", "param", "says"),
    [
        ({"model": "m", "messages": HI["messages"]}, "max_tokens", "missing"),
        (with_(max_tokens=0), "max_tokens", "from 1"),
        (with_(messages=None), "messages", "missing"),
        (with_(messages=[]), "messages", "at least one"),
        (turns({"role": "tool", "content": "x"}), "messages[0].role", "none of user"),
        (turns({"role": "user"}), "messages[0].content", "missing"),
        (turns({"role": "user", "content": {}}), "messages[0].content", "an object"),
        (turns({"role": "user", "content": [5]}), "messages[0].content[0]", "5"),
        (block(text="x"), "messages[0].content[0].type", "missing"),
        (block(type="text"), "messages[0].content[0].text", "missing"),
        (block(type="tool_use", name="f", input={}), "messages[0].content[0].id", "missing"),
        (block(type="tool_use", id="x", input={}), "messages[0].content[0].name", "missing"),
        (block(type="tool_use", id="x", name="f", input="{}"), "messages[0].content[0].input", "a string"),
        (block(type="tool_result"), "messages[0].content[0].tool_use_id", "missing"),
        (block(type="tool_result", tool_use_id="x", content=[5]), "messages[0].content[0].content[0]", "5"),
        (with_(system=5), "system", "5"),
        (with_(system=[{}]), "system[0].type", "missing"),
        (with_(temperature=1.5), "temperature", "from 0 to 1"),
        (with_(top_p=2), "top_p", "from 0 to 1"),
        (with_(top_k=-1), "top_k", "whole number"),
        (with_(stop_sequences="x"), "stop_sequences", "an array"),
        (with_(tools={}), "tools", "an array"),
        (with_(tools=[{"input_schema": {}}]), "tools[0].name", "missing"),
        (with_(tools=[{"name": "f", "description": 5, "input_schema": {}}]), "tools[0].description", "5"),
        (with_(tools=[{"name": "f"}]), "tools[0].input_schema", "missing"),
        (with_(tools=[{"type": "bash_20250124", "name": "bash"}]), "tools[0].type", "input_schema"),
        (with_(tool_choice="auto"), "tool_choice", "a string"),
        (with_(tool_choice={}), "tool_choice.type", "missing"),
        (with_(output_config={"format": {"type": "json_schema"}}), "output_config.format.schema", "missing"),
        (with_(output_config={"format": {"type": "xml"}}), "output_config.format", "json_schema"),
        (with_(output_config=3), "output_config", "an object"),
        (with_(output_format={"type": "json_schema"}), "output_format.schema", "missing"),
        (with_(response_format={"type": "json_object"}), "response_format", "output_config.format"),
        (with_(mcp_servers=[{}]), "mcp_servers", "no other servers"),
        (with_(container="c"), "container", "runs no code"),
        (with_(thread={"type": "create"}), "thread", "send all messages"),
        (turns(*HI["messages"], {"role": "assistant", "content": "("}), "messages[1]", "go on with an answer"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(value: dict[str, Any], param: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as e:
        DIALECT.parse(value)
    assert e.value.param == param


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "f"}])
def test_a_tool_cannot_be_forced(choice: dict[str, Any]) -> None:
    with pytest.raises(Unsupported, match="tool_choice"):
        require_honourable(DIALECT.parse(with_(tool_choice=choice)), vocabulary=10)
    require_honourable(DIALECT.parse(with_(tool_choice={"type": "none"})), vocabulary=10)


def test_tokens_are_counted_without_a_limit_and_wherever_the_conversation_ends() -> None:
    value = {"model": "m", "messages": [*HI["messages"], {"role": "assistant", "content": "("}], "system": "s"}
    assert [m.role for m in parse_count(value).messages] == ["system", "user", "assistant"]
    with pytest.raises(BadRequest, match="messages"):
        parse_count({"model": "m"})


def refusal(value: dict[str, Any]) -> str | None:
    """The place that it names; None if the request is read."""
    try:
        DIALECT.parse(value)
    except BadRequest as e:
        return e.param or ""
    return None


@given(anthropic_requests())
def test_any_request_is_read_or_refused_with_its_place(value: dict[str, Any]) -> None:
    body = read(orjson.dumps(value))
    DIALECT.envelope(body.value)
    DIALECT.obstacle(body.value)
    assert refusal(body.value) != ""
    assert body.value == value


@given(st.dictionaries(st.sampled_from(["messages", "system", "tools", "tool_choice", "thread"]), json_values))
def test_nonsense_is_refused_with_its_place(nonsense: dict[str, Any]) -> None:
    DIALECT.obstacle(with_(**nonsense))
    assert refusal(with_(**nonsense)) != ""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (BadRequest("no"), "invalid_request_error"),
        (ModelNotFound("no"), "not_found_error"),
        (TooLarge("no"), "request_too_large"),
        (Overloaded("no"), "overloaded_error"),
        (TimedOut("no"), "timeout_error"),
        (EverwarmError("no"), "api_error"),
    ],
)
def test_errors_have_the_dialects_shape(error: EverwarmError, kind: str) -> None:
    assert orjson.loads(DIALECT.error(error)) == {"type": "error", "error": {"type": kind, "message": "no"}}
    assert DIALECT.error_event(error) == b"event: error\ndata: %b\n\n" % DIALECT.error(error)
