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
    tools = [{"name": "f"}, {"name": "g", "defer_loading": True}, "h"]
    assert [block.carries for block in blocks("anthropic_messages", {"tools": tools})] == [True, False, False]
    for dialect in ("openai_chat", "openai_responses"):
        assert not any(block.carries for block in blocks(dialect, {"tools": tools}))


POINT: dict[str, Any] = {"prompt_cache_breakpoint": {"mode": "explicit"}}


def part(kind: str = "input_text", **more: Any) -> dict[str, Any]:
    return {"type": kind, "text": "words", **more}


RESPONSES: dict[str, Any] = {
    "tools": [{"type": "function", "name": "f"}],
    "instructions": "Be brief.",
    "input": [
        {"role": "developer", "content": [part(**POINT)]},
        {"type": "message", "role": "user", "content": "go"},
        {"type": "reasoning", "summary": []},
        {"type": "message", "role": "assistant", "content": [part("output_text")]},
        {"type": "function_call", "call_id": "1", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": [part(**POINT), {"type": "input_image", **POINT}]},
        {"type": "custom_tool_call_output", "call_id": "2", "output": "done"},
        {"type": "computer_call_output", "output": {"type": "computer_screenshot", **POINT}},
        "no item",
        {"role": "system", "content": [part("input_file")]},
    ],
}


def test_responses_as_blocks() -> None:
    assert [(*block[1:5], block.carries) for block in blocks("openai_responses", RESPONSES)] == [
        (("tools", 0), "tools", "tools", -1, False),
        (("instructions",), "system", "system", -1, False),
        (("input", 0, "content", 0), "system", "developer", 0, True),
        (("input", 1, "content"), "messages", "user", 1, True),
        (("input", 2, "content"), "messages", "assistant", 2, False),
        (("input", 3, "content", 0), "messages", "assistant", 3, False),
        (("input", 4, "content"), "messages", "assistant", 4, False),
        (("input", 5, "output", 0), "messages", "tool", 5, True),
        (("input", 5, "output", 1), "messages", "tool", 5, True),
        (("input", 6, "output"), "messages", "tool", 6, False),
        (("input", 7, "output"), "messages", "tool", 7, False),
        (("input", 9, "content", 0), "messages", "system", 9, True),
    ]
    assert [mark.path for mark in marks_in("openai_responses", RESPONSES)] == [
        ("input", 0, "content", 0),
        ("input", 5, "output", 0),
        ("input", 5, "output", 1),
        ("input", 7, "output"),
    ]
    (said,) = blocks("openai_responses", {"input": "go"})
    assert (*said[1:], said.carries) == (("input",), "messages", "user", 0, "go", False)
    assert blocks("openai_completions", {"prompt": "go"}) == ()


def test_what_may_stand_in_the_place_of_a_string() -> None:
    (said,) = blocks("openai_chat", {"messages": [{"role": "user", "content": "go"}]})
    assert said.text_type == "text"
    assert blocks("openai_responses", RESPONSES)[3].text_type == "input_text"
