"""Bedrock's Converse: its blocks, where points stand, never more than four, none of the caller's lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm import Prompt
from everwarm.errors import PromptError

POINT = {"cachePoint": {"type": "default"}}
LONG = {"cachePoint": {"type": "default", "ttl": "1h"}}
SCHEMA = {"type": "object", "properties": {}}
TOOL = {"type": "function", "function": {"name": "find", "description": "Finds.", "parameters": SCHEMA, "strict": True}}
FULL = Prompt().tools([TOOL]).static("Static.").session("Session.")
Block = dict[str, Any]


def text(value: str) -> Block:
    return {"text": value}


def said(*blocks: Block, role: str = "user") -> Block:
    return {"role": role, "content": list(blocks)}


def render(prompt: Prompt, *messages: Block, model: str = "us.anthropic.claude-x", **members: Any) -> Block:
    return prompt.converse(messages, model=model, **members)


def test_a_request_in_full() -> None:
    given_ = {"toolConfig": {"toolChoice": {"auto": {}}}, "inferenceConfig": {"maxTokens": 9}}
    spec = {"name": "find", "description": "Finds.", "strict": True, "inputSchema": {"json": SCHEMA}}
    assert render(FULL, {"role": "user", "content": "Hi"}, **given_) == {
        "modelId": "us.anthropic.claude-x",
        "toolConfig": {"tools": [{"toolSpec": spec}, POINT], "toolChoice": {"auto": {}}},
        "system": [text("Static."), POINT, text("Session."), POINT],
        "messages": [said(text("Hi"), POINT)],
        "inferenceConfig": {"maxTokens": 9},
    }
    assert list(given_["toolConfig"]) == ["toolChoice"], "the caller's own is as it was"


def test_what_is_not_there_has_no_member() -> None:
    assert render(Prompt()) == {"modelId": "us.anthropic.claude-x", "messages": []}


def test_what_will_not_come_again_is_behind_the_point() -> None:
    prompt = FULL.dynamic("10:03", name="clock")
    block = text('<context name="clock">10:03</context>')
    assert render(prompt, said(text("Hi")))["messages"] == [said(text("Hi"), POINT, block)]
    assert render(prompt, {"role": "user", "content": "Hi"})["messages"] == [said(text("Hi"), POINT, block)]
    assert render(prompt)["messages"] == [said(block)]
    kept = prompt.turn([text("Hi")])
    assert render(prompt, kept)["messages"] == [said(text("Hi"), block, POINT)]
    gave = said({"toolResult": {"toolUseId": "1", "content": [text("done")]}})
    assert render(prompt, kept, said(text("Ho"), role="assistant"), gave)["messages"][2] == said(
        *gave["content"], POINT
    )


def test_the_callers_points_stand_and_count() -> None:
    """With two of his, there is room for the conversation and the static text, which covers the tools."""
    body = render(FULL, said(text("1"), POINT), said(text("2"), POINT), said(text("3")))
    assert body["messages"] == [said(text("1"), POINT), said(text("2"), POINT), said(text("3"), POINT)]
    assert body["system"] == [text("Static."), POINT, text("Session.")]
    assert POINT not in body["toolConfig"]["tools"]


def test_longer_lives_come_first() -> None:
    body = render(FULL, said(text("1"), LONG), said(text("2")))
    assert body["system"] == [text("Static."), LONG, text("Session."), LONG]
    assert body["messages"][1] == said(text("2"), POINT)


def test_tools_of_models_that_are_no_claude_have_none() -> None:
    body = render(FULL, said(text("Hi")), model="us.amazon.nova-pro-v1:0")
    assert POINT not in body["toolConfig"]["tools"]
    assert body["system"].count(POINT) == 2


@pytest.mark.parametrize(
    "last",
    [
        said(),
        said(text("")),
        said(text("1"), POINT),
        said({"reasoningContent": {"reasoningText": {"text": "hm"}}}, role="assistant"),
        {"role": "user"},
        "no message",
    ],
    ids=range(6),
)
def test_where_no_point_can_stand(last: Any) -> None:
    assert render(FULL, last)["messages"] == [last]


def test_a_tool_that_only_its_provider_knows_goes_out_as_it_is() -> None:
    hosted = {"type": "of_bedrock", "name": "ground"}
    assert render(Prompt().tools([hosted]), model="m")["toolConfig"] == {"tools": [hosted]}


@pytest.mark.parametrize(
    "member", [{"toolConfig": {"tools": []}}, {"toolConfig": None}, {"system": []}, {"modelId": "m"}], ids=range(4)
)
def test_what_the_prompt_writes_itself(member: Block) -> None:
    with pytest.raises(PromptError, match=f"{next(iter(member))}.* written by the prompt"):
        render(FULL, said(text("Hi")), **member)


def test_a_text_is_no_conversation() -> None:
    with pytest.raises(PromptError, match="messages must be a list"):
        FULL.converse("Hi", model="m")


blocks = st.one_of(st.text(max_size=2).map(text), st.sampled_from([POINT, LONG, {"image": {"format": "png"}}]))
conversations = st.lists(st.lists(blocks, max_size=3).map(lambda row: said(*row)), max_size=4)
prompts = st.sampled_from([Prompt(), FULL, FULL.dynamic("1", name="n"), Prompt().static("S")])


@given(prompts, conversations)
def test_whatever_the_conversation(prompt: Prompt, messages: list[Block]) -> None:
    before = json.dumps(messages)
    own = before.count("cachePoint")
    body = render(prompt, *messages)
    assert json.dumps(messages) == before
    assert own <= json.dumps(body).count("cachePoint") <= max(4, own)
    row = [b for m in body["messages"] for b in m["content"] if b not in (POINT, LONG)]
    came = [b for m in messages for b in m["content"] if b not in (POINT, LONG)]
    assert [b for b in row if "<context" not in b.get("text", "")] == came
