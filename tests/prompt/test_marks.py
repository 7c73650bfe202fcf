"""Anthropic's marks: where they stand, never more than four, none of the caller's lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm import Prompt

MARK = {"type": "ephemeral"}
LONG = {"type": "ephemeral", "ttl": "1h"}
FULL = Prompt().tools([{"name": "a"}, {"name": "b"}]).static("Static.").session("Session.")


def text(value: str, mark: dict[str, str] | None = None) -> dict[str, Any]:
    return {"type": "text", "text": value} | ({"cache_control": mark} if mark else {})


def said(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def render(prompt: Prompt, *messages: dict[str, Any], **members: Any) -> dict[str, Any]:
    return prompt.anthropic(messages, model="m", max_tokens=1, **members)


def test_ends_of_tools_static_session_and_conversation() -> None:
    body = render(FULL, said(text("Old"), text("New")))
    assert [tool.get("cache_control") for tool in body["tools"]] == [None, MARK]
    assert body["system"] == [text("Static.", MARK), text("Session.", MARK)]
    assert body["messages"] == [said(text("Old"), text("New", MARK))]


def test_what_will_not_come_again_is_behind_the_mark() -> None:
    prompt = FULL.dynamic("10:03", name="clock")
    block = text('<context name="clock">10:03</context>')
    assert render(prompt, {"role": "user", "content": "Hi"})["messages"] == [said(text("Hi", MARK), block)]
    kept = render(prompt, prompt.turn("Hi"))["messages"]
    assert kept == [said(text('Hi\n\n<context name="clock">10:03</context>', MARK))]
    answered = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    assert render(prompt, *answered)["messages"][1]["content"] == [text("Ho", MARK)]


def test_the_callers_marks_stand_and_count() -> None:
    """With two of his, there is room for the conversation and the static text, which covers the tools."""
    body = render(FULL, said(text("1", MARK)), said(text("2", MARK)), said(text("3")))
    assert body["messages"] == [said(text("1", MARK)), said(text("2", MARK)), said(text("3", MARK))]
    assert body["system"] == [text("Static.", MARK), text("Session.")]
    assert all("cache_control" not in tool for tool in body["tools"])


def test_a_mark_beside_the_messages_is_that_of_the_conversation() -> None:
    body = render(FULL, said(text("1")), cache_control=MARK)
    assert body["messages"] == [said(text("1"))]
    assert json.dumps(body).count("cache_control") == 4


def test_longer_lives_come_first() -> None:
    body = render(FULL, said(text("1", LONG)), said(text("2")))
    assert [block["cache_control"] for block in body["system"]] == [LONG, LONG]
    assert body["messages"][1] == said(text("2", MARK))


def test_a_tools_own_mark_is_for_anthropic_alone() -> None:
    prompt = Prompt().tools([{"name": "a", "cache_control": LONG}, {"name": "b"}])
    assert [tool.get("cache_control") for tool in render(prompt)["tools"]] == [LONG, LONG]
    wrapped = Prompt().tools([{"function": {"name": "a"}, "cache_control": LONG}])
    assert render(wrapped)["tools"][0]["cache_control"] == LONG
    assert "cache_control" not in json.dumps([wrapped.chat([], model="m"), prompt.responses([], model="m")])


@pytest.mark.parametrize(
    "last",
    [
        said(),
        said(text("")),
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "s"}]},
        {"role": "assistant", "content": [object()]},
        {"role": "assistant", "content": ""},
        object(),
    ],
    ids=["nothing", "empty", "thinking", "object", "no text", "an object"],
)
def test_what_cannot_be_marked_is_left(last: Any) -> None:
    assert render(Prompt(), last)["messages"] == [last]


marks = st.sampled_from([None, MARK])
conversations = st.lists(st.lists(marks, min_size=1, max_size=3), max_size=4)


@given(conversations, st.booleans(), st.booleans(), st.booleans(), st.lists(marks, max_size=2))
def test_at_most_four_and_none_lost(
    given_marks: list[list[Any]], static: bool, session: bool, dynamic: bool, tools: list[Any]
) -> None:
    prompt = Prompt().tools([{"name": f"t{i}"} | ({"cache_control": m} if m else {}) for i, m in enumerate(tools)])
    prompt = prompt.static("S" * static).session("T" * session).dynamic("U" * dynamic, name="n")
    messages = [said(*(text("x", mark) for mark in row)) for row in given_marks]
    before = json.dumps(messages)
    body = render(prompt, *messages)
    own = json.dumps([messages, tools]).count("ephemeral")
    assert json.dumps(body).count("cache_control") <= max(4, own)
    assert json.dumps(messages) == before
    for sent, message in zip(body["messages"], messages, strict=False):
        for block, mine in zip(sent["content"], message["content"], strict=False):
            assert block.get("cache_control", MARK) == mine.get("cache_control", MARK)
            assert "cache_control" in block or "cache_control" not in mine
