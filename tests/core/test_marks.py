"""Marks that clients have set are found wherever they may stand, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from everwarm.core.marks import Mark, blocks, marks_in

FIVE: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
HOUR: dict[str, Any] = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}


def text(words: str = "words", **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def test_all_places_in_messages() -> None:
    result = {"type": "tool_result", "content": [text(**FIVE), {"type": "image", **FIVE}], **FIVE}
    found = {"type": "search_result", "content": [text(**FIVE)]}
    document = {"type": "document", "source": {"type": "content", "content": [text(**FIVE)]}}
    added = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"name": "g", **FIVE}}}
    value = {
        **FIVE,
        "messages": [
            {"role": "user", "content": "words"},
            {"role": "user", "content": [result, text(**HOUR), found, document]},
            {"role": "system", "content": [added]},
        ],
        "system": [text(), text(**HOUR)],
        "tools": [{"name": "f", **HOUR}],
    }
    at = ("messages", 1, "content")
    assert marks_in("anthropic_messages", value) == (
        Mark(("tools", 0), "1h"),
        Mark(("system", 1), "1h"),
        Mark((*at, 0, "content", 0), "5m"),
        Mark((*at, 0, "content", 1), "5m"),
        Mark((*at, 0), "5m"),
        Mark((*at, 1), "1h"),
        Mark((*at, 2, "content", 0), "5m"),
        Mark((*at, 3, "source", "content", 0), "5m"),
        Mark(("messages", 2, "content", 0, "tool", "definition"), "5m"),
        Mark((), "5m"),
    )


@pytest.mark.parametrize(
    "value",
    [
        {"cache_control": None},
        {"tools": [{"name": "f", "input_schema": {"properties": {"cache_control": {"type": "string"}}}}]},
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": FIVE}]}]},
        {"messages": [{"role": "user", "content": [text(cache_control=None)]}, None], "tools": 1, "system": 2},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": "x"}, "y"]}]},
        {"messages": {"content": FIVE}, "metadata": FIVE},
    ],
    ids=["null", "schema", "arguments", "malformed", "strings", "elsewhere"],
)
def test_what_is_no_mark(value: dict[str, Any]) -> None:
    assert marks_in("anthropic_messages", value) == ()


def test_chat_completions() -> None:
    point = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    long = {"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}
    value: dict[str, Any] = {
        **FIVE,  # means nothing here
        "messages": [
            {"role": "system", "content": [text(**point)]},
            {"role": "user", "content": [text(**long), text(**FIVE)]},
        ],
    }
    assert [mark.ttl for mark in marks_in("openai_chat", value)] == ["30m", "12h", "5m"]
    value["prompt_cache_options"] = {"ttl": "12h"}
    assert [mark.ttl for mark in marks_in("openai_chat", value)] == ["12h", "12h", "5m"]
    assert marks_in("openai_responses", value) == ()


def test_blocks_in_rendered_order() -> None:
    value = {
        "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": [text(), text()]}],
        "system": "s",
        "tools": [{"name": "f"}],
    }
    assert [(block.path, block.tier, block.role, block.message) for block in blocks("anthropic_messages", value)] == [
        (("tools", 0), "tools", "tools", -1),
        (("system",), "system", "system", -1),
        (("messages", 0, "content"), "messages", "user", 0),
        (("messages", 1, "content", 0), "messages", "assistant", 1),
        (("messages", 1, "content", 1), "messages", "assistant", 1),
    ]


def test_in_chat_completions_what_stands_before_all_others_is_the_system_prompt() -> None:
    roles = ["system", "developer", "user", "system"]
    value = {
        "messages": [{"role": role, "content": role} for role in roles] + [{"role": "assistant", "tool_calls": []}]
    }
    assert [block.tier for block in blocks("openai_chat", value)] == ["system", "system"] + ["messages"] * 3
    assert blocks("openai_chat", value)[-1].value is None


@pytest.mark.parametrize(
    ("block", "carries"),
    [
        (text(), True),
        (text(" \n"), False),
        ({"type": "tool_result", "content": []}, True),
        ({"type": "thinking", "thinking": "hm"}, False),
        ({"type": "redacted_thinking", "data": "x"}, False),
        ({"type": "of tomorrow"}, False),
        ("a string in a list", False),
        (1, False),
    ],
    ids=range(8),
)
def test_which_blocks_can_carry_a_mark(block: Any, carries: bool) -> None:
    (found,) = blocks("anthropic_messages", {"messages": [{"role": "user", "content": [block]}]})
    assert found.carries is carries


def test_which_tools_can_carry_a_mark() -> None:
    tools = [{"name": "f"}, {"name": "g", "defer_loading": True}, {"type": "function", "function": {"name": "h"}}]
    assert [block.carries for block in blocks("anthropic_messages", {"tools": tools})] == [True, False, False]
