"""Lines that repeat what earlier lines said are read as if each stood alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzed import written
from everwarm.analyze.formats.again import Again
from everwarm.analyze.formats.bodies import call
from everwarm.analyze.reading.log import read_all
from everwarm.analyze.reading.record import Unread
from everwarm.core.analysis.call import Place
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.row import Row

LONG = "This is said with every request of the conversation. " * 8
TEXTS = st.sampled_from((LONG, "", "héllo ∀ 日本", '"messages":[', '\\"messages\\":[', "a\\", "]", ",", "[1,2]", "\n"))
MARK = {"type": "ephemeral"}
PARTS = st.lists(
    st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}, optional={"cache_control": st.just(MARK)}),
    min_size=1,
    max_size=2,
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(("user", "assistant", "system", "tool")), "content": TEXTS | PARTS}
)
SPELLED: dict[str, Callable[[Any], bytes]] = {
    "orjson": orjson.dumps,
    "json": lambda value: json.dumps(value).encode(),
    "compact json": lambda value: json.dumps(value, separators=(",", ":")).encode(),
    "wide json": lambda value: json.dumps(value, indent=1).replace("\n", " ").encode(),
    "utf-8 json": lambda value: json.dumps(value, ensure_ascii=False).encode(),
    "Go's json": lambda value: orjson.dumps(value).replace(b"<", b"\\u003c").replace(b"'", b"\\u0027"),
}


def _talk(n: int) -> list[dict[str, str]]:
    roles = ("system", "user", "assistant")
    return [{"role": roles[min(k, 1 + k % 2)], "content": f"{k} {LONG}"} for k in range(n)]


def _unmarked(message: dict[str, Any]) -> dict[str, Any]:
    content = message["content"]
    if isinstance(content, list):
        content = [{key: value for key, value in part.items() if key != "cache_control"} for part in content]
    return {**message, "content": content}


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
        if draw(st.booleans()):  # as of those that mark the end of each request
            talk = [_unmarked(message) for message in talk]
        body = {
            "messages": list(talk),
            "system": [{"type": "text", "text": LONG}],
            "tools": tools,
            "input": draw(st.sampled_from(("text", [1, 2], []))),
        }
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


@pytest.mark.parametrize("spelled", sorted(SPELLED))
def test_what_is_known_is_shared(spelled: str) -> None:
    again = Again()
    before, after = (again.loads(SPELLED[spelled]({"at": n, "messages": _talk(n)})) for n in (3, 5))
    row = after["messages"]  # type: ignore[call-overload, index]
    assert isinstance(row, Row)
    assert row.begun == before["messages"]
    assert all(a is b for a, b in zip(before["messages"], row, strict=False))  # type: ignore[call-overload, index, arg-type]
    assert row == _talk(5)


def _marked(talk: list[dict[str, str]], places: set[int]) -> list[dict[str, Any]]:
    """In parts, some of them with a cache mark."""
    return [
        {
            "role": m["role"],
            "content": [{"type": "text", "text": m["content"], **({"cache_control": MARK} if n in places else {})}],
        }
        for n, m in enumerate(talk)
    ]


@pytest.mark.parametrize("spelled", sorted(SPELLED))
@pytest.mark.parametrize(
    ("marks", "new"),
    [
        (lambda n: {n - 1}, 2),  # the last one
        (lambda n: {n - 3, n - 1}, 4),  # the last one, and where it was before: up to that nothing moves
        (lambda n: {0, n - 1}, 2),  # one that stays, and the last one
        (lambda n: {0}, 2),
        (lambda n: set(), 2),
    ],
)
def test_cache_marks_move_from_one_request_to_the_next(
    spelled: str, marks: Callable[[int], set[int]], new: int
) -> None:
    again, talk = Again(), _talk(21)
    for n in range(1, 22, 2):
        messages = _marked(talk[:n], marks(n))
        row = again.loads(SPELLED[spelled]({"at": n, "messages": messages}))["messages"]  # type: ignore[call-overload, index]
        assert row == messages
        if n > 7:
            assert len(row) - len(row.begun) <= new  # parsed anew


def test_rows_that_nobody_reads_keep_no_others() -> None:
    again = Again()
    for n in range(1, 30):
        row = again.loads(orjson.dumps({"messages": _talk(n)}))["messages"]  # type: ignore[call-overload, index]
    rows = 0
    while row is not None:
        row, rows = row.begun, rows + 1
    assert rows <= 4


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


def test_what_was_long_absent_is_known_again_when_it_comes() -> None:
    again = Again()
    for n in range(100):
        assert again.loads(orjson.dumps({"n": n})) == {"n": n}
    for n in range(1, 20):
        row = again.loads(orjson.dumps({"messages": _talk(n)}))["messages"]  # type: ignore[call-overload, index]
        assert row == _talk(n)
        assert n < 11 or row.begun == _talk(n - 1)


def test_bodies_that_are_texts_are_read_as_others(tmp_path: Path) -> None:
    """Also one that is no JSON, or has half a character."""
    rows = [{"at": n, "request": {"model": "gpt-5-mini", "messages": _talk(n)}} for n in range(1, 9)]
    texts: list[dict[str, Any]] = [{**row, "request": json.dumps(row["request"])} for row in rows]
    one = read_all([str(written(tmp_path / "one.jsonl", rows))], lambda _: None)
    other = read_all([str(written(tmp_path / "other.jsonl", texts))], lambda _: None)
    said = [[log.gather.prompts.row(call.prompt) for call in log.gather.finish()] for log in (one, other)]
    assert said[0] == said[1]
    assert len(said[0]) == 8
    for broken in ('{"messages": [', '{"messages": ["\\ud800"]}', "{", "\ud800{}"):
        assert isinstance(call({"request": broken}, Place("a", 1), Again().loads), Unread)
