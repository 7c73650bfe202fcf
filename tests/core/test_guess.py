"""The dialect of a body, from nothing but the body."""

from __future__ import annotations

from typing import Any

import pytest

from everwarm.core.dialects.guess import dialect_of

HI = {"role": "user", "content": "hi"}
PART = {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "1"}]}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"messages": [HI]}, "openai_chat"),
        ({"messages": [HI], "system": "s"}, "openai_chat"),  # not whole enough for the other one
        ({"messages": [HI], "max_tokens": 9}, "openai_chat"),
        ({"messages": [HI], "max_tokens": 9, "model": "claude-opus-5"}, "anthropic_messages"),
        ({"messages": [HI], "max_tokens": 9, "system": "s"}, "anthropic_messages"),
        ({"messages": [HI], "max_tokens": 9, "tools": [{"name": "t", "input_schema": {}}]}, "anthropic_messages"),
        ({"messages": [HI], "max_tokens": 9, "tools": [{"type": "function"}, 7]}, "openai_chat"),
        ({"messages": [HI], "max_tokens": 9, "tools": "none"}, "openai_chat"),
        ({"messages": [PART], "max_tokens": 9}, "anthropic_messages"),
        ({"messages": [HI, RESULT], "max_tokens": 9}, "anthropic_messages"),
        (
            {"messages": [{"role": "system", "content": "s"}, PART], "max_tokens": 9, "model": "claude-x"},
            "openai_chat",
        ),
        ({"messages": [HI, {"role": "assistant", "tool_calls": []}], "max_tokens": 9}, "openai_chat"),
        ({"messages": [7, "x", {"content": ["y"]}], "max_tokens": 9}, "openai_chat"),
        ({"input": "hi"}, "openai_responses"),
        ({"instructions": "s", "previous_response_id": "r"}, "openai_responses"),
        ({"prompt": "hi"}, "openai_completions"),
        ({"messages": "hi", "prompt": "hi"}, "openai_completions"),
        ({"messages": "hi"}, None),
        ({}, None),
    ],
)
def test_it_is_told_by_its_members(body: dict[str, Any], name: str | None) -> None:
    found = dialect_of(body)
    assert (found.name if found is not None else None) == name
