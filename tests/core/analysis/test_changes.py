"""What differs between two requests in words, and what helps against it."""

from __future__ import annotations

from typing import Any

import pytest

from everwarm.core.analysis.compare import compare
from everwarm.core.analysis.cures import cure, label
from everwarm.core.analysis.kinds import change_of
from everwarm.core.analysis.loss import CAUSES, UNAVOIDABLE, Change
from everwarm.core.analysis.prompts import Prompts

RULES = "Never promise what is not in the policy. " * 5


def tool(name: str) -> dict[str, Any]:
    return {"name": name, "description": f"What {name} does.", "input_schema": {"type": "object"}}


def body(system: Any, *tools: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Hi"}]
    return {"model": "claude", "system": system, "tools": [tool(name) for name in tools], "messages": messages}


def changed(old: dict[str, Any], new: dict[str, Any]) -> Change | None:
    prompts = Prompts()
    rows = [prompts.prefixes.row(prompts.read("anthropic_messages", each).blocks) for each in (old, new)]
    return change_of(prompts, "anthropic_messages", rows[0], rows[1], compare(prompts, rows[0], rows[1]))


def test_an_order_that_is_another_one_is_a_change_though_nothing_is_new() -> None:
    found = changed(body(RULES, "a", "b", "c"), body(RULES, "b", "a", "c"))
    assert found == Change("tools", "tools in another order", "tools", 0, 0, "a, b, c", "b, a, c")


def test_a_prompt_that_only_goes_on_has_no_change() -> None:
    one = body(RULES, "a")
    more = {**one, "messages": [*one["messages"], {"role": "assistant", "content": "Hello"}]}
    assert changed(one, more) is None
    assert changed(more, one) is None


@pytest.mark.parametrize(
    ("old", "new", "what", "start", "end"),
    [
        ("For tea.", "For milk.", "text that changes", 4, 8),
        ("For milk.", "For tea.", "text that changes", 4, 7),
        ("For coffee and tea.", "For tea.", "text that changes", 4, 5),
        ("It is 10:03:21.", "It is 10:03:22.", "a clock", 6, 14),
    ],
)
def test_where_a_change_begins_and_ends(old: str, new: str, what: str, start: int, end: int) -> None:
    found = changed(body(f"{old} {RULES}"), body(f"{new} {RULES}"))
    assert found is not None
    assert (found.what, found.path, found.start, found.end) == (what, "system", start, end)


def test_a_change_ends_in_the_text_that_it_begins_in() -> None:
    """Of a message's part that is made of several texts a place is named in one of them."""
    result = [{"type": "text", "text": "It is cold."}, {"type": "text", "text": RULES}]
    other = [{"type": "text", "text": "It is warm, and"}, {"type": "text", "text": f"not wet. {RULES}"}]
    old, new = (
        {**body(RULES), "messages": [{"role": "user", "content": [{"type": "tool_result", "content": each}]}]}
        for each in (result, other)
    )
    found = changed(old, new)
    assert found is not None
    assert (found.what, found.path) == ("a tool's result edited", "messages[0].content[0].content[0].text")
    assert (found.start, found.end) == (6, 7)


def test_for_all_that_can_be_helped_there_are_words() -> None:
    for cause in CAUSES:
        assert bool(cure(cause, "")) == (cause not in UNAVOIDABLE and cause != "step"), cause
        assert label(cause, "") == label(cause, "a clock").removesuffix(": a clock")


def test_words_of_what_changed_go_before_those_of_the_cause() -> None:
    assert cure("tools_changed", "tools added").startswith("offer all tools")
    assert cure("system_changed", "a clock").startswith("put it behind the last message")
    assert cure("messages_changed", "a clock") == "send earlier messages again just as they were sent first"
