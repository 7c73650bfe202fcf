"""A body as lines, in the order in which a model reads it."""

from __future__ import annotations

from typing import Any

import pytest

from everwarm.core.layout.lines import lines_of


def test_of_a_chat() -> None:
    body = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "one\ntwo"},
            {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"u": 1}}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ],
        "tools": [{"type": "function", "function": {"b": 1, "a": 2}}],
    }
    assert lines_of(body) == [
        "── tools[0]", '{"type":"function","function":{"b":1,"a":2}}',
        "── messages[0] system", "one", "two",
        "── messages[1] user",
        "── messages[1].content[0] text", "hi",
        "── messages[1].content[1] image_url", '{"type":"image_url","image_url":{"u":1}}',
        "── messages[2] assistant", '{"role":"assistant","content":null,"tool_calls":[{"id":"c"}]}',
        "── messages[3] tool", '{"role":"tool","tool_call_id":"c"}', "r",
        "── model", "m",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ({"messages": [], "system": "s"}, ["── system", "s", "── messages", "[]"]),
        ({"system": [{"type": "text", "text": "s"}]}, ["── system[0] text", "s"]),
        ({"input": "hi", "instructions": "s"}, ["── instructions", "s", "── input", "hi"]),
        ({"input": [{"type": "function_call_output", "output": "r"}]}, ["── input[0] function_call_output", "r"]),
        ({"prompt": ["a", 7]}, ["── prompt[0]", "a", "── prompt[1]", "7"]),
        ({"input": [{"role": 7, "content": [1]}]}, ["── input[0]", '{"role":7,"content":[1]}']),
        ({"messages": [{"role": "user"}]}, ["── messages[0] user"]),
        ({"stop": ["a"], "n": 1}, ["── stop", '["a"]', "── n", "1"]),
    ],
)
def test_of_others(body: dict[str, Any], lines: list[str]) -> None:
    assert lines_of(body) == lines


def test_nothing_is_left_out() -> None:
    body = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "leaf1", "more": {"leaf2": ["leaf3"]}}]}]
    }
    text = "\n".join(lines_of(body))
    assert all(f"leaf{n}" in text for n in (1, 2, 3))
