"""Lines that repeat what earlier lines said are read as if each stood alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.analyze.formats.again import Again
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.row import Row

LONG = "This is said with every request of the conversation. " * 8
TEXTS = st.sampled_from((LONG, "", "héllo ∀ 日本", '"messages":[', '\\"messages\\":[', "a\\", "]", ",", "[1,2]", "\n"))
MESSAGES = st.fixed_dictionaries({"role": st.sampled_from(("user", "assistant", "system", "tool")), "content": TEXTS})
SPELLED: dict[str, Callable[[Any], bytes]] = {
    "orjson": orjson.dumps,
    "json": lambda value: json.dumps(value).encode(),
    "compact json": lambda value: json.dumps(value, separators=(",", ":")).encode(),
    "wide json": lambda value: json.dumps(value, indent=1).replace("\n", " ").encode(),
    "utf-8 json": lambda value: json.dumps(value, ensure_ascii=False).encode(),
}


def _talk(n: int) -> list[dict[str, str]]:
    roles = ("system", "user", "assistant")
    return [{"role": roles[min(k, 1 + k % 2)], "content": f"{k} {LONG}"} for k in range(n)]


@st.composite
def logs(draw: st.DrawFn) -> list[bytes]:
    """Conversations that grow, shrink and are mixed, in bodies that are wrapped in some way."""
    talks: list[list[Any]] = [[{"role": "system", "content": LONG}], []]
    tools = [{"type": "function", "function": {"name": "look", "description": LONG}}]
    lines = []
    for _ in range(draw(st.integers(1, 12))):
        talk = draw(st.sampled_from(talks))
        talk += draw(st.lists(MESSAGES, max_size=3))
        del talk[draw(st.integers(0, len(talk))) if draw(st.integers(0, 5)) == 0 else len(talk) :]
        body = {"messages": list(talk), "tools": tools, "input": draw(st.sampled_from(("text", [1, 2], [])))}
        if draw(st.booleans()):
            body = dict(reversed(body.items()))
        line = draw(st.sampled_from((body, {"request": body, "at": 1}, {"x": [body]}, {"a": body, "messages": talk})))
        lines.append(SPELLED[draw(st.sampled_from(sorted(SPELLED)))](line))
    return lines


@given(logs())
def test_every_line_is_read_as_if_it_stood_alone(lines: list[bytes]) -> None:
    again = Again()
    for line in lines:
        assert again.loads(line) == orjson.loads(line)


@given(logs())
def test_prompts_are_the_same(lines: list[bytes]) -> None:
    again, ours, plain = Again(), Prompts(), Prompts()
    for line in lines:
        one, other = again.loads(line), orjson.loads(line)
        for body in (one, one.get("request")):  # type: ignore[union-attr]
            if isinstance(body, dict) and "messages" in body:
                alone = other if body is one else other["request"]
                for dialect in ("openai_chat", "anthropic_messages", "openai_responses"):
                    assert ours.row(ours.read(dialect, body)) == plain.row(plain.read(dialect, alone))


@pytest.mark.parametrize("spelled", ["orjson", "json", "compact json"])
def test_what_is_known_is_shared(spelled: str) -> None:
    again = Again()
    before, after = (again.loads(SPELLED[spelled]({"at": n, "messages": _talk(n)})) for n in (3, 5))
    row = after["messages"]  # type: ignore[call-overload, index]
    assert isinstance(row, Row)
    assert row.begun == before["messages"]
    assert all(a is b for a, b in zip(before["messages"], row, strict=False))  # type: ignore[call-overload, index, arg-type]
    assert row == _talk(5)


def test_many_conversations_may_go_on_at_one_time() -> None:
    again = Again()
    talks = [[{"role": "system", "content": LONG}, {"role": "user", "content": f"{n}"}] for n in range(200)]
    for talk in talks:
        again.loads(orjson.dumps({"messages": talk}))
    for talk in talks:
        more = [*talk, {"role": "assistant", "content": "yes"}]
        row = again.loads(orjson.dumps({"messages": more}))["messages"]  # type: ignore[call-overload, index]
        assert row == more
        assert len(row.begun or ()) == 2


def test_one_that_stands_in_a_copy_as_well_is_read_rightly() -> None:
    """As where a proxy logs what it got and what it sent."""
    again = Again()
    for n in (3, 4, 5):
        value = {"messages": _talk(n), "sent": {"body": {"messages": [*_talk(n), {"role": "user", "content": "?"}]}}}
        for each in (value, dict(reversed(value.items()))):
            assert again.loads(orjson.dumps(each)) == each


@pytest.mark.parametrize(
    "cut",
    [
        lambda line: line[:-1],
        lambda line: line.replace(b"]}", b",]}"),
        lambda line: line.replace(b"]}", b"]]}"),
        lambda line: line + b"x",
        lambda line: line.replace(b'"messages":[', b'"messages":[,'),
    ],
)
def test_what_is_no_json_is_none(cut: Callable[[bytes], bytes]) -> None:
    again = Again()
    line = orjson.dumps({"messages": _talk(4)})
    again.loads(line)
    with pytest.raises(orjson.JSONDecodeError) as ours:
        again.loads(cut(line))
    with pytest.raises(orjson.JSONDecodeError) as theirs:
        orjson.loads(cut(line))
    assert str(ours.value) == str(theirs.value)


def test_a_name_that_stands_twice_is_left_alone() -> None:
    again = Again()
    again.loads(orjson.dumps({"messages": _talk(3)}))
    line = orjson.dumps({"old": {"messages": _talk(3)}, "messages": [*_talk(3), {"role": "user", "content": "?"}]})
    assert again.loads(line) == orjson.loads(line)
