"""Text behind a message: where each protocol has a place for it, and where there is none."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from everwarm.core.layout.splice import splice
from everwarm.core.layout.tails import DIALECTS, has_tails, tails

PARTS = {
    "openai_chat": {"type": "text", "text": "It is noon."},
    "openai_responses": {"type": "input_text", "text": "It is noon."},
    "anthropic_messages": {"type": "text", "text": "It is noon."},
}
Body = dict[str, Any]


def member(dialect: str) -> str:
    return "input" if dialect == "openai_responses" else "messages"


def told(dialect: str, items: Any, message: int = 0) -> Any:
    """The messages with a text behind one of them."""
    body = {member(dialect): items}
    return orjson.loads(splice(orjson.dumps(body), tails(dialect, body, [(message, "It is noon.")])))[member(dialect)]


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_a_text_grows_and_a_list_gets_one_part_more(dialect: str) -> None:
    plain, rich = {"role": "user", "content": "Hi"}, {"role": "user", "content": [{"type": "image"}]}
    assert told(dialect, [plain, rich]) == [{"role": "user", "content": "Hi\n\nIt is noon."}, rich]
    assert told(dialect, [plain, rich], 1) == [plain, {"role": "user", "content": [{"type": "image"}, PARTS[dialect]]}]


@pytest.mark.parametrize(
    ("dialect", "result"),
    [
        ("openai_chat", {"role": "tool", "tool_call_id": "1", "content": "found"}),
        ("openai_responses", {"type": "function_call_output", "call_id": "1", "output": "found"}),
    ],
)
def test_a_result_of_a_tool_stays_and_a_message_of_the_user_follows(dialect: str, result: Body) -> None:
    later = {"role": "assistant", "content": "So it is."}
    assert has_tails(dialect, {member(dialect): [result, later]}, [0])
    assert told(dialect, [result, later]) == [result, {"role": "user", "content": "It is noon."}, later]


def test_an_input_that_is_a_text_grows() -> None:
    assert has_tails("openai_responses", {"input": "Hi"}, [0])
    assert told("openai_responses", "Hi") == "Hi\n\nIt is noon."


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
@pytest.mark.parametrize(
    "message",
    [
        "a text",
        None,
        7,
        ["a list"],
        {"role": "user"},
        {"role": "user", "content": None},
        {"role": "user", "content": 7},
    ],
)
def test_whatever_else_stands_there_has_no_end(dialect: str, message: object) -> None:
    fine = {"role": "user", "content": "Hi"}
    assert has_tails(dialect, {member(dialect): [fine]}, [0])
    assert not has_tails(dialect, {member(dialect): [fine, message]}, [0, 1])
    assert has_tails(dialect, {member(dialect): [fine, message]}, [0]), "only those count behind which something goes"


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic_messages"])
def test_messages_that_are_no_list_have_none(dialect: str) -> None:
    assert not has_tails(dialect, {"messages": "Hi"}, [0])
    assert not has_tails(dialect, {}, [0])
