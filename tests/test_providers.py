"""The fake provider speaks both APIs as the official SDKs expect them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import anthropic
import httpx
import openai
import pytest
from pydantic import BaseModel

from providers import Provider

HI: Any = [{"role": "user", "content": "hi"}]
USE: Any = [{"role": "user", "content": "please use the tools"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
CHAT_TOOLS: Any = [{"type": "function", "function": {"name": n, "parameters": SCHEMA}} for n in ("weather", "news")]
TOOLS: Any = [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}]
CLAUDE: Any = {"model": "claude", "max_tokens": 100}


@pytest.fixture
def gpt(fake: Provider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=fake.url, api_key="sk-test", max_retries=0) as client:
        yield client


@pytest.fixture
def claude(fake: Provider) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=fake.anthropic_url, api_key="sk-ant", max_retries=0) as client:
        yield client


class Trip(BaseModel):
    city: str
    days: int
    tags: list[str]


# Chat completions


def test_chat_answers_carry_the_number_of_the_call(fake: Provider, gpt: openai.OpenAI) -> None:
    answers = [gpt.chat.completions.create(model="gpt", messages=HI, n=2) for _ in range(2)]
    texts = [c.message.content for a in answers for c in a.choices]
    assert texts == ["answer 1 to hi", "answer 1 to hi (choice 1)", "answer 2 to hi", "answer 2 to hi (choice 1)"]
    assert [a.usage.prompt_tokens_details.cached_tokens for a in answers] == [0, 1]  # type: ignore[union-attr]
    assert fake.asked[1].json == {"model": "gpt", "messages": HI, "n": 2}
    assert fake.asked[1].header("authorization") == "Bearer sk-test"
    assert fake.asked[0].connection == fake.asked[1].connection == fake.connections == 1


def test_a_chat_stream_is_the_json_answer_in_pieces(gpt: openai.OpenAI) -> None:
    asked: Any = {"model": "gpt", "messages": HI, "n": 2, "logprobs": True, "top_logprobs": 1}
    with gpt.chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        final = stream.get_final_completion()
    assert [c.message.content for c in final.choices] == ["answer 1 to hi", "answer 1 to hi (choice 1)"]
    assert [t.token for t in final.choices[0].logprobs.content] == ["answer", " 1", " to", " hi"]  # type: ignore
    assert final.usage is not None
    assert final.usage.completion_tokens == 4 + 6
    plain = gpt.chat.completions.create(**asked)
    assert [len(c.logprobs.content) for c in plain.choices] == [4, 6]  # type: ignore[union-attr,arg-type]


@pytest.mark.parametrize("stream", [False, True])
def test_chat_calls_tools_when_it_is_told_to(gpt: openai.OpenAI, stream: bool) -> None:
    asked: Any = {"model": "gpt", "messages": USE, "tools": CHAT_TOOLS}
    if stream:
        with gpt.chat.completions.stream(**asked) as events:
            answer: Any = events.get_final_completion()
    else:
        answer = gpt.chat.completions.create(**asked)
    calls = answer.choices[0].message.tool_calls
    assert [c.function.name for c in calls] == ["weather", "news"]
    assert calls[0].function.arguments == '{"city":"answer 1 to please use the tools","days":1}'
    assert answer.choices[0].finish_reason == "tool_calls"
    result = [*USE, answer.choices[0].message, {"role": "tool", "tool_call_id": calls[0].id, "content": "rain"}]
    after = gpt.chat.completions.create(model="gpt", messages=result, tools=CHAT_TOOLS)
    assert after.choices[0].message.content == "answer 2 to rain"


def test_structured_output_fits_its_schema(gpt: openai.OpenAI) -> None:
    chat = gpt.chat.completions.parse(model="gpt", messages=HI, response_format=Trip)
    assert chat.choices[0].message.parsed == Trip(city="answer 1 to hi", days=1, tags=["answer 1 to hi"])
    response = gpt.responses.parse(model="gpt", input="hi", text_format=Trip)
    assert response.output_parsed == Trip(city="answer 2 to hi", days=2, tags=["answer 2 to hi"])


def test_a_limit_ends_the_text(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    choice = gpt.chat.completions.create(model="gpt", messages=HI, max_completion_tokens=2).choices[0]
    assert (choice.message.content, choice.finish_reason) == ("answer 1", "length")
    response = gpt.responses.create(model="gpt", input="hi", max_output_tokens=2)
    assert (response.output_text, response.status) == ("answer 2", "incomplete")
    message = claude.messages.create(model="claude", max_tokens=2, messages=HI)
    assert (message.content[0].text, message.stop_reason) == ("answer 3", "max_tokens")  # type: ignore[union-attr]


# Responses


def test_a_response_streams_every_typed_event(gpt: openai.OpenAI) -> None:
    asked: Any = {"model": "gpt", "input": "hi", "previous_response_id": "resp_0", "reasoning": {"summary": "auto"}}
    events = list(gpt.responses.create(**asked, stream=True))
    kinds = [e.type.removeprefix("response.") for e in events]
    assert [k for k, after in pairwise([*kinds, ""]) if k != after] == [
        *("created", "in_progress", "output_item.added", "reasoning_summary_part.added"),
        *("reasoning_summary_text.delta", "reasoning_summary_text.done", "reasoning_summary_part.done"),
        *("output_item.done", "output_item.added", "content_part.added", "output_text.delta", "output_text.done"),
        *("content_part.done", "output_item.done", "completed"),
    ]
    assert [e.sequence_number for e in events] == list(range(len(events)))
    with gpt.responses.stream(**asked) as stream:
        final = stream.get_final_response()
    assert final.output_text == "answer 2 to hi"
    assert final.previous_response_id == "resp_0"
    assert final.usage is not None
    assert final.usage.output_tokens_details.reasoning_tokens > 0


def test_a_response_calls_a_function(gpt: openai.OpenAI) -> None:
    plain = gpt.responses.create(model="gpt", input=USE, tools=TOOLS)
    with gpt.responses.stream(model="gpt", input=USE, tools=TOOLS) as stream:
        final = stream.get_final_response()
    for number, each in enumerate((plain, final), 1):
        [call] = each.output
        assert call.type == "function_call"
        assert call.arguments == f'{{"city":"answer {number} to please use the tools","days":{number}}}'
    result: Any = [*USE, final.output[0], {"type": "function_call_output", "call_id": "c", "output": "rain"}]
    assert gpt.responses.create(model="gpt", input=result, tools=TOOLS).output_text == "answer 3 to rain"


# Messages


@pytest.mark.parametrize("stream", [False, True])
def test_a_message_thinks_and_uses_a_tool(claude: anthropic.Anthropic, stream: bool) -> None:
    tools: Any = [{"name": "weather", "input_schema": SCHEMA}]
    asked: Any = {**CLAUDE, "messages": USE, "tools": tools, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    if stream:
        with claude.messages.stream(**asked) as events:
            message: Any = events.get_final_message()
    else:
        message = claude.messages.create(**asked)
    thinking, text, call = message.content
    assert thinking.thinking == "Thought 1: I must answer."
    assert thinking.signature
    assert text.text == "I will look."
    assert (call.name, call.input) == ("weather", {"city": "answer 1 to please use the tools", "days": 1})
    assert message.stop_reason == "tool_use"


def test_message_events_come_in_the_order_of_the_reference(fake: Provider, claude: anthropic.Anthropic) -> None:
    headers = {"anthropic-version": "2023-06-01"}
    body = {**CLAUDE, "messages": HI, "stream": True}
    lines = httpx.post(fake.anthropic_url + "/v1/messages", json=body, headers=headers).text.splitlines()
    kinds = [line.removeprefix("event: ") for line in lines if line.startswith("event")]
    delta = ["content_block_delta"] * 4
    begun = ["message_start", "content_block_start", "ping"]
    assert kinds == [*begun, *delta, "content_block_stop", "message_delta", "message_stop"]


def test_marks_are_written_once_and_then_read(claude: anthropic.Anthropic) -> None:
    def usage(ttl: str, question: str) -> tuple[int, int, int, int]:
        mark = {"type": "ephemeral", "ttl": ttl}
        system: Any = [{"type": "text", "text": "one two three", "cache_control": mark}]
        messages: Any = [{"role": "user", "content": question}]
        used = claude.messages.create(**CLAUDE, system=system, messages=messages).usage
        created = used.cache_creation
        assert created is not None
        assert used.cache_creation_input_tokens == created.ephemeral_5m_input_tokens + created.ephemeral_1h_input_tokens
        return (
            created.ephemeral_5m_input_tokens,
            created.ephemeral_1h_input_tokens,
            used.cache_read_input_tokens or 0,
            used.input_tokens,
        )

    assert usage("1h", "four") == (0, 3, 0, 2)
    assert usage("5m", "four five") == (0, 0, 3, 3)


def test_five_marks_are_refused(claude: anthropic.Anthropic) -> None:
    system: Any = [{"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}}] * 5
    with pytest.raises(anthropic.BadRequestError, match="maximum of 4 blocks"):
        claude.messages.create(**CLAUDE, system=system, messages=HI)
    assert claude.messages.count_tokens(model="claude", messages=HI).input_tokens == 2
