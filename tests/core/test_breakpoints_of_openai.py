"""Marks in OpenAI's dialects: OpenAI's own, whose cache looks at marks alone, and Qwen's in Chat Completions."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everwarm.core.breakpoints import place
from everwarm.core.caches import AnthropicCache, Reading
from everwarm.core.layout.outline import outline
from everwarm.core.layout.piece import Path, Tier
from everwarm.core.layout.splice import splice
from everwarm.core.marks import Block, blocks, marks_in
from everwarm.core.rules import Rule, Ttl
from requests_like import chats
from requests_like_responses import responses_requests

OPENAI = Rule(
    "openai", ("*",), 0, 0.1, True, "s", "2026-11-25", "high", mark="prompt_cache_breakpoint", marks=4, considered=80,
    ttls=(Ttl(1800, 1.25),),
)  # fmt: skip
QWEN = Rule(
    "qwen", ("*",), 0, 0.1, False, "s", "2026-11-25", "high", mark="cache_control", marks=4, considered=4, lookback=20,
    ttls=(Ttl(300, 1.25),),
)  # fmt: skip
CHAT, RESPONSES = "openai_chat", "openai_responses"
Body = dict[str, Any]
Turn = tuple[int, int, int]
"""Calls of tools one after another, parts of what each gives, parts of what the user says then."""

turns = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=6)


def sent(dialect: str, value: Body, rule: Rule, talk: str | None = "") -> Body:
    """As it goes out, with marks of the rule's first lifetime; none in the conversation if ``talk`` is None."""
    ttl = rule.ttls[0].name
    edits = place(dialect, value, outline(dialect, value), rule, ttl, None if talk is None else ttl)
    after: Body = orjson.loads(splice(orjson.dumps(value), edits))
    return after


def unmarked(value: Any) -> Any:
    """Without marks, and with a string for a list of one text."""
    if isinstance(value, list):
        return [unmarked(one) for one in value]
    if not isinstance(value, dict):
        return value
    plain = {name: unmarked(one) for name, one in value.items() if name not in (OPENAI.mark, QWEN.mark)}
    match plain.get("content"):
        case [{"type": "text" | "input_text", "text": str(words), **more}] if not more:
            plain["content"] = words
    return plain


@st.composite
def marked_requests(draw: st.DrawFn) -> tuple[str, Body]:
    """With up to five marks of the client's own at parts that can carry one."""
    dialect = draw(st.sampled_from([CHAT, RESPONSES]))
    value = json.loads(json.dumps(draw(chats() if dialect == CHAT else responses_requests())))
    places = [block.value for block in blocks(dialect, value) if block.carries and isinstance(block.value, dict)]
    for part in draw(st.lists(st.sampled_from(places), max_size=5)) if places else ():
        part[OPENAI.mark] = {"mode": "explicit"}
    return dialect, value


def tier_of(dialect: str, value: Body) -> dict[Path, Tier]:
    return {block.path: block.tier for block in blocks(dialect, value)}


@settings(deadline=None)
@given(marked_requests(), st.sampled_from([None, ""]))
def test_whatever_the_request(request: tuple[str, Body], talk: str | None) -> None:
    dialect, value = request
    own = marks_in(dialect, value)
    after = sent(dialect, value, OPENAI, talk)
    marks = marks_in(dialect, after)
    assert len(marks) <= max(3, len(own))
    assert set(own) <= set(marks)
    if "prompt_cache_options" not in value:
        tiers = tier_of(dialect, after)
        static = bool(marks) and all(tiers[mark.path] == "system" and OPENAI.ttl(mark.ttl) for mark in marks)
        alone = talk is None and static
        assert after.pop("prompt_cache_options", None) == ({"mode": "explicit"} if alone else None)
    assert unmarked(after) == unmarked(value)
    roles = {block.path: block.role for block in blocks(dialect, after)}
    assert {roles[mark.path] for mark in marks if mark not in own} <= {"system", "developer", "user"}


# --- a conversation, turn by turn -----------------------------------------------------------------------------------


def part(dialect: str, words: str) -> Body:
    return {"type": "text" if dialect == CHAT else "input_text", "text": words}


def user(dialect: str, number: int, parts: int) -> Body:
    """Without parts what is said is a string."""
    said = f"turn {number}"
    return {"role": "user", "content": [part(dialect, f"{said}.{n}") for n in range(parts)] or said}


def called(dialect: str, name: str, parts: int) -> list[Body]:
    """What a model asks of a tool, and what that gives: in one part as a string."""
    gives = "done" if parts == 1 else [part(dialect, f"{name}.{n}") for n in range(parts)]
    if dialect == CHAT:
        call = {"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}}
        return [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": name, "content": gives},
        ]
    return [
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "call_id": name, "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": name, "output": gives},
    ]


def said(dialect: str, number: int) -> Body:
    content = f"said {number}"
    return {"role": "assistant", "content": content if dialect == CHAT else [{"type": "output_text", "text": content}]}


def requests(dialect: str, talk: list[Turn], begins: str) -> list[tuple[Body, int]]:
    """All requests of a conversation in their order, each with the number of its turn."""
    name = "messages" if dialect == CHAT else "input"
    head: Body = {"tools": [{"type": "function", "function": {"name": "f"}}]}
    row: list[Body] = [{"role": "system", "content": "The handbook."}, {"role": "user", "content": begins}]
    made = [({**head, name: list(row)}, 0)]
    for number, (calls, gives, asks) in enumerate(talk):
        for n in range(calls):
            row += called(dialect, f"{number}-{n}", gives)
            made.append(({**head, name: list(row)}, number))
        row += [said(dialect, number), user(dialect, number + 1, asks)]
        made.append(({**head, name: list(row)}, number + 1))
    return made


def sizes(row: tuple[Block, ...]) -> list[tuple[bytes, int]]:
    """Blocks for the simulated cache: each is worth as many tokens as it has characters."""
    return [(data, len(data)) for data in (orjson.dumps(block.value) for block in row)]


def ask(cache: AnthropicCache, dialect: str, value: Body, rule: Rule, now: int) -> Reading:
    """Marks count where they stand in the request as it came: a string and a list of one text are one block."""
    after, row = sent(dialect, value, rule), blocks(dialect, value)
    places = [block.path for block in blocks(dialect, after)]
    return cache.ask(sizes(row), now, [(places.index(mark.path), mark.ttl) for mark in marks_in(dialect, after)])


def upto(dialect: str, value: Body, message: int) -> int:
    """The size of what ends with this message."""
    row = blocks(dialect, value)
    return sum(size for block, (_, size) in zip(row, sizes(row), strict=True) if block.message <= message)


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES])
@settings(deadline=None)
@given(turns)
def test_openai_reads_each_turn_though_it_looked_at_marks_alone(dialect: str, talk: list[Turn]) -> None:
    """The most cautious reading of its page: nothing but what an explicit mark ends is found, and by one only."""
    cache = AnthropicCache(replace(OPENAI, lookback=1))
    name = "messages" if dialect == CHAT else "input"
    ends: dict[int, int] = {}  # turn -> where the user's last words are
    for now, (value, turn) in enumerate(requests(dialect, talk, "Go.")):
        reading = ask(cache, dialect, value, OPENAI, now)
        again = turn in ends
        ends.setdefault(turn, len(value[name]) - 1)
        assert reading.read == (upto(dialect, value, ends[turn if again else turn - 1]) if now else 0)
    other, _ = requests(dialect, [], "Something else.")[0]
    assert ask(cache, dialect, other, OPENAI, now).read == upto(dialect, other, 0)


@settings(deadline=None)
@given(turns, st.integers(4, 20))
def test_qwen_reads_all_that_was_there_at_the_request_before(talk: list[Turn], lookback: int) -> None:
    rule = replace(QWEN, lookback=lookback)
    cache, before = AnthropicCache(rule), 0
    for now, (value, _) in enumerate(requests(CHAT, talk, "Go.")):
        reading = ask(cache, CHAT, value, rule, now)
        assert reading.read == before
        before = reading.read + reading.written
        assert before == reading.total
