"""Marks are set where they are missing: few enough, in order, stable from turn to turn, and nothing else is changed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.breakpoints import askable, place
from everwarm.core.caches import AnthropicCache
from everwarm.core.layout.piece import Piece
from everwarm.core.layout.splice import Edit
from everwarm.core.marks import blocks, marks_in
from everwarm.core.rules import Rule, Ttl
from requests_like_anthropic import anthropic_requests

ANTHROPIC = Rule(
    "anthropic", ("*",), 1024, 0.1, False, "s", "2026-11-25", "high", mark="cache_control", marks=4, considered=4,
    lookback=20, ttls=(Ttl(300, 1.25), Ttl(3600, 2.0)),
)  # fmt: skip
OPENAI = Rule(
    "openai", ("*",), 1024, 0.1, True, "s", "2026-11-25", "high", mark="prompt_cache_breakpoint", marks=4,
    ttls=(Ttl(1800, 1.25), Ttl(43200, 1.25)),
)  # fmt: skip
SECONDS = {"5m": 300, "1h": 3600}
LONG = "words " * 1000
Body = dict[str, Any]


def pieces(dialect: str, value: Body) -> list[Piece]:
    """What a block says, at the path of its text."""
    row = []
    for block in blocks(dialect, value):
        has_text = isinstance(block.value, dict) and isinstance(block.value.get("text"), str)
        said = block.value["text"] if has_text else orjson.dumps(block.value).decode()
        path = (*block.path, "text") if has_text else block.path
        row.append(Piece(path, block.tier, block.role, "text", said, block.message))
    return row


def placed(
    value: Body,
    rule: Rule = ANTHROPIC,
    static: str | None = "5m",
    talk: str | None = "5m",
    dialect: str = "anthropic_messages",
) -> tuple[Body, tuple[Edit, ...]]:
    """The body with its marks, and the edits that set them."""
    edits = place(dialect, value, pieces(dialect, value), rule, static, talk)
    after = json.loads(json.dumps(value))  # no object twice, as deepcopy may leave it
    for edit in edits:
        path = edit.path if edit.how == "member" else edit.path[:-1]
        holder: Any = after
        for step in path:
            holder = holder[step]
        if edit.how == "member":
            assert edit.name not in holder
        holder[edit.name if edit.how == "member" else edit.path[-1]] = edit.value
    return after, edits


def where(value: Body, dialect: str = "anthropic_messages") -> list[str]:
    """Marks as text: system[0] 5m."""
    return [
        "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in mark.path)[1:] + " " + mark.ttl
        for mark in marks_in(dialect, value)
    ]


def text(words: str = LONG, **more: Any) -> Body:
    return {"type": "text", "text": words, **more}


def user(*content: Any) -> Body:
    return {"role": "user", "content": list(content) or LONG}


def said(count: int = 1) -> Body:
    return {"role": "assistant", "content": [text("ok")] * count}


FIVE: Body = {"cache_control": {"type": "ephemeral"}}
HOUR: Body = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
TOOLS = [{"name": "f", "description": LONG, "input_schema": {}}]


def test_all_that_is_missing() -> None:
    value = {"system": LONG, "tools": TOOLS, "messages": [user()]}
    after, edits = placed(value, static="1h")
    mark = {"type": "ephemeral", "ttl": "1h"}
    assert edits == (
        Edit(("tools", 0), "member", mark, "cache_control"),
        Edit(("system",), "replace", [text(cache_control=mark)]),
        Edit(("messages", 0, "content"), "replace", [text(**FIVE)]),
    )
    assert where(after) == ["tools[0] 1h", "system[0] 1h", "messages[0].content[0] 5m"]


def test_none_where_none_pays() -> None:
    value = {"system": LONG, "tools": TOOLS, "messages": [user()]}
    assert where(placed(value, static=None)[0]) == ["messages[0].content[0] 5m"]
    assert where(placed(value, talk=None)[0]) == ["tools[0] 5m", "system[0] 5m"]
    assert placed(value, static=None, talk=None)[1] == ()


@pytest.mark.parametrize(("characters", "set_"), [(4095, False), (4096, True)])
def test_none_under_the_minimum(characters: int, set_: bool) -> None:
    value = {"system": [text("s" * 96)], "messages": [user(text("u" * (characters - 96)))]}
    assert bool(placed(value)[1]) is set_


def test_what_belongs_to_no_block_counts_for_nothing() -> None:
    value = {"messages": [{"role": "user", "content": "u" * 4000}]}
    stray = Piece(("output_config",), "messages", "", "opaque", LONG, -1)
    assert (
        place("anthropic_messages", value, [*pieces("anthropic_messages", value), stray], ANTHROPIC, "5m", "5m") == ()
    )


def test_the_end_of_the_conversation_is_where_a_mark_can_be() -> None:
    ends = [text("a"), text("b"), text(" "), {"type": "of tomorrow"}]
    value = {"system": LONG, "messages": [user(*ends), {"role": "assistant", "content": "The answer is"}]}
    assert where(placed(value)[0])[1:] == ["messages[0].content[1] 5m"]
    value["messages"].append({"role": "system", "content": "Be brief."})
    assert where(placed(value)[0])[1:] == ["messages[0].content[1] 5m"]
    assert where(placed({"system": LONG, "messages": [said()]})[0]) == ["system[0] 5m"]
    assert placed({"messages": []})[1] == ()


def test_a_mark_that_is_null_is_set() -> None:
    value = {"messages": [user(text(cache_control=None))]}
    assert placed(value)[1] == (Edit(("messages", 0, "content", 0, "cache_control"), "replace", {"type": "ephemeral"}),)


@pytest.mark.parametrize(
    ("value", "added"),
    [
        (
            {"system": [text(**FIVE)], "tools": TOOLS, "messages": [user()]},
            ["messages[0].content[0] 5m", "tools[0] 5m"],
        ),
        ({"system": LONG, "messages": [user(text(**FIVE), text())]}, ["system[0] 5m"]),
        ({"system": LONG, "messages": [user()], **FIVE}, ["system[0] 5m"]),
        ({"system": LONG, "messages": [user(text(**FIVE)), said(), user()]}, ["system[0] 5m"]),
        (
            {"system": LONG, "messages": [user(text(**FIVE)), said(), user(), said(), user()]},
            ["messages[4].content[0] 5m", "system[0] 5m"],
        ),
        ({"system": [text(**FIVE)] * 3, "tools": TOOLS, "messages": [user()]}, ["messages[0].content[0] 5m"]),
        ({"system": [text(**FIVE)] * 4, "messages": [user()]}, []),
        ({"system": [text(**FIVE)] * 5, "messages": [user()]}, []),
        ({"system": LONG, "messages": [user({"type": "tool_result", "content": [text(**FIVE)]})]}, ["system[0] 5m"]),
    ],
    ids=["system", "end", "automatic", "a turn behind", "long ago", "room for one", "no room", "too many", "inside"],
)
def test_the_clients_own_marks_stand_and_count(value: Body, added: list[str]) -> None:
    after, _ = placed(value)
    assert sorted([*where(value), *added]) == sorted(where(after))


@pytest.mark.parametrize(
    ("value", "static", "talk", "marks"),
    [
        ({"system": LONG, "messages": [user()]}, "5m", "1h", ["system[0] 1h", "messages[0].content[0] 1h"]),
        (
            {"system": [text(**FIVE)], "messages": [user()], "tools": TOOLS},
            "1h", "1h", ["tools[0] 1h", "system[0] 5m", "messages[0].content[0] 5m"],
        ),
        (
            {"system": LONG, "messages": [user(text(**HOUR))], "tools": TOOLS},
            "5m", "5m", ["tools[0] 1h", "system[0] 1h", "messages[0].content[0] 1h"],
        ),
        ({"system": [text(**FIVE), text(**HOUR)], "messages": [user()]}, "5m", "5m", ["system[0] 5m", "system[1] 1h"]),
    ],
    ids=["talk lives longer", "client's shorter first", "client's longer last", "client's out of order"],
)  # fmt: skip
def test_longer_lifetimes_stand_first(value: Body, static: str, talk: str, marks: list[str]) -> None:
    assert where(placed(value, static=static, talk=talk)[0]) == marks


def test_a_lifetime_that_the_rule_does_not_know_is_not_ours_to_judge() -> None:
    value = {"system": [text(cache_control={"type": "ephemeral", "ttl": "7d"})], "messages": [user()]}
    assert placed(value)[1] == ()


@pytest.mark.parametrize(
    ("grown", "own", "added"),
    [
        (18, {}, ["messages[2].content[0] 5m"]),
        (19, {}, ["messages[0].content[0] 5m", "messages[2].content[0] 5m"]),
        (19, FIVE, ["messages[0].content[0] 5m"]),
    ],
)
def test_a_turn_longer_than_a_look_up_has_a_mark_at_its_beginning(grown: int, own: Body, added: list[str]) -> None:
    value = {"messages": [user(text()), said(grown), user(text())], **own}
    assert where(placed(value)[0]) == [*added, *where(value)]
    value["messages"].append({"role": "assistant", "content": "The answer is"})
    assert where(placed(value)[0]) == [*added, *where(value)]


def test_other_rules() -> None:
    value = {"system": LONG, "messages": [user()]}
    assert (
        place(
            "anthropic_messages",
            value,
            pieces("anthropic_messages", value),
            Rule("p", (), 0, 0.1, True, "s", "", "low"),
            None,
            None,
        )
        == ()
    )
    assert place("openai_completions", {"prompt": LONG}, (), ANTHROPIC, "5m", "5m") == ()


CHAT: Body = {
    "tools": [{"type": "function", "function": {"name": "f", "description": LONG}}],
    "messages": [
        {"role": "system", "content": LONG},
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "done"},
    ],
}


POINT: Body = {"prompt_cache_breakpoint": {"mode": "explicit"}}


def test_openai_has_three_marks_beside_its_own() -> None:
    after, _ = placed(CHAT, OPENAI, "30m", "30m", "openai_chat")
    assert where(after, "openai_chat") == ["messages[0].content[0] 30m", "messages[1].content[0] 30m"]
    assert after["messages"][0]["content"] == [text(**POINT)]
    grown = {"messages": [*CHAT["messages"], {"role": "assistant", "content": "ok"}, {"role": "user", "content": "on"}]}
    assert where(placed(grown, OPENAI, "30m", "30m", "openai_chat")[0], "openai_chat") == [
        f"messages[{n}].content[0] 30m" for n in (0, 1, 5)
    ]


@pytest.mark.parametrize(
    ("own", "added"),
    [
        ([{"role": "user", "content": [text(**POINT)]}], ["messages[0].content[0] 30m"]),
        ([{"role": "user", "content": [text(**POINT)] * 2}], ["messages[0].content[0] 30m"]),
        ([{"role": "user", "content": [text(**POINT)] * 3}], []),
        ([{"role": "user", "content": [text(**POINT)] * 9}], []),
        ([{"role": "tool", "content": [text(**POINT)]}], ["messages[0].content[0] 30m"]),
    ],
    ids=["one", "two", "three", "many", "a tool's"],
)
def test_openai_writes_the_latest_three_so_ours_never_push_out_the_clients(own: list[Body], added: list[str]) -> None:
    value = {"messages": [*CHAT["messages"][:2], *own]}
    after, _ = placed(value, OPENAI, "30m", "30m", "openai_chat")
    assert where(after, "openai_chat") == [*added, *where(value, "openai_chat")]


def test_the_clients_own_mark_of_a_turn_ago_is_not_set_twice() -> None:
    turns = [{"role": "user", "content": [text(**POINT)]}, {"role": "assistant", "content": "ok"}]
    value = {"messages": [CHAT["messages"][0], *turns, {"role": "user", "content": "on"}]}
    after, _ = placed(value, OPENAI, "30m", "30m", "openai_chat")
    assert where(after, "openai_chat") == ["messages[0].content[0] 30m", "messages[1].content[0] 30m"]


def test_with_room_for_one_openai_gets_that_of_the_system_prompt() -> None:
    """It marks the end by itself."""
    long_ago = {"role": "user", "content": [text(**POINT)] * 2}
    talk = [{"role": "assistant", "content": "ok"}, {"role": "user", "content": "on"}] * 2
    value = {"messages": [CHAT["messages"][0], long_ago, *talk]}
    after, _ = placed(value, OPENAI, "30m", "30m", "openai_chat")
    assert where(after, "openai_chat") == ["messages[0].content[0] 30m", *where(value, "openai_chat")]


def test_a_client_of_openai_that_marks_by_hand_is_left_alone() -> None:
    by_hand = {**CHAT, "prompt_cache_options": {"mode": "explicit"}}
    assert placed(by_hand, OPENAI, "30m", "30m", "openai_chat")[1] == ()


def test_openai_writes_no_end_that_nobody_reads() -> None:
    after, _ = placed(CHAT, OPENAI, "12h", None, "openai_chat")
    assert where(after, "openai_chat") == ["messages[0].content[0] 12h"]
    assert after["prompt_cache_options"] == {"mode": "explicit"}
    for value in (
        {**CHAT, "prompt_cache_options": {"ttl": "30m"}},  # the client has said how
        {"messages": [*CHAT["messages"], {"role": "user", "content": [text(**POINT)]}]},  # and here what it wants kept
        {"messages": CHAT["messages"][1:]},  # nothing static would be kept
    ):
        options = placed(value, OPENAI, "30m", None, "openai_chat")[0].get("prompt_cache_options")
        assert options == value.get("prompt_cache_options")
    after, _ = placed(CHAT, replace(ANTHROPIC, automatic=True), "5m", None, "openai_chat")
    assert "prompt_cache_options" not in after, "a member that is OpenAI's own"


RESPONSES: Body = {
    "instructions": LONG,
    "input": [
        {"role": "developer", "content": "The handbook."},
        {"role": "user", "content": [{"type": "input_text", "text": "go"}]},
        {"type": "reasoning", "summary": [], "encrypted_content": "x"},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": [{"type": "input_text", "text": "done"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Done."}]},
        {"role": "user", "content": "on"},
    ],
}


def test_responses_are_marked_in_their_input() -> None:
    value = {**RESPONSES, "input": RESPONSES["input"]}
    row = [Piece(("instructions",), "system", "system", "text", LONG, -1)]
    edits = place("openai_responses", value, row, OPENAI, "12h", "30m")
    assert edits == (
        Edit(
            ("input", 0, "content"),
            "replace",
            [
                {
                    "type": "input_text",
                    "text": "The handbook.",
                    "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"},
                }
            ],
        ),
        Edit(("input", 1, "content", 0), "member", {"mode": "explicit"}, "prompt_cache_breakpoint"),
        Edit(("input", 6, "content"), "replace", [{"type": "input_text", "text": "on", **POINT}]),
    )
    value["input"] = "go"
    assert place("openai_responses", value, row, OPENAI, "12h", "30m") == ()


QWEN = Rule(
    "qwen", ("*",), 1024, 0.1, False, "s", "2026-11-25", "high", mark="cache_control", marks=4, considered=4,
    lookback=20, ttls=(Ttl(300, 1.25), Ttl(3600, 1.25)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "rule", "names"),
    [
        ("anthropic_messages", ANTHROPIC, ["5m", "1h"]),
        ("openai_chat", ANTHROPIC, ["5m", "1h"]),
        ("openai_chat", OPENAI, ["30m"]),
        ("openai_responses", OPENAI, ["30m", "12h"]),
        ("openai_chat", QWEN, ["5m"]),
        ("anthropic_messages", QWEN, ["5m"]),
        ("openai_chat", Rule("qwen", (), 0, 0.1, True, "s", "", "low"), []),
    ],
    ids=range(7),
)
def test_lifetimes_that_can_be_asked_for(dialect: str, rule: Rule, names: list[str]) -> None:
    assert [ttl.name for ttl in askable(dialect, rule).ttls] == names


def test_calls_of_tools_count_for_the_minimum() -> None:
    calls = {"role": "assistant", "content": "I look.", "tool_calls": [{"function": {"arguments": LONG}}]}
    value = {"messages": [{"role": "user", "content": "go"}, calls, {"role": "tool", "content": "done"}]}
    piece = Piece(
        ("messages", 1, "tool_calls", 0, "function", "arguments"), "messages", "assistant", "arguments", LONG, 1
    )
    (edit,) = place("openai_chat", value, [piece], ANTHROPIC, "5m", "5m")
    assert edit.path == ("messages", 2, "content")


def test_chat_completions_with_marks_of_anthropics_form() -> None:
    after, _ = placed(CHAT, QWEN, dialect="openai_chat")
    assert where(after, "openai_chat") == ["messages[0].content[0] 5m", "messages[3].content[0] 5m"]
    assert after["messages"][3]["content"] == [text("done", **FIVE)]
    assert after["tools"] == CHAT["tools"]


# --- properties -----------------------------------------------------------------------------------------------------

ttls = st.sampled_from([None, "5m", "1h"])


def unmarked(value: Any) -> Any:
    """Without marks, and with a string for a list of one text."""
    if isinstance(value, list):
        return [unmarked(one) for one in value]
    if not isinstance(value, dict):
        return value
    plain = {name: unmarked(one) for name, one in value.items() if name != "cache_control"}
    for name in ("content", "system"):
        match plain.get(name):
            case [{"type": "text", "text": str(words), **more}] if not more:
                plain[name] = words
    return plain


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    """Mostly with somewhere to set a mark, and with marks that are in order."""
    value = draw(anthropic_requests())
    value["messages"] += draw(st.sampled_from([[], [user("go on")]]))
    before, after = draw(st.sampled_from([("1h", "5m"), ("5m", "1h"), ("1h", "1h")]))
    ordered: Body = json.loads(json.dumps(value).replace(f'"ttl": "{before}"', f'"ttl": "{after}"'))
    return ordered


@given(bodies(), ttls, ttls, st.integers(0, 5))
def test_whatever_the_request(value: Body, static: str | None, talk: str | None, minimum: int) -> None:
    rule = Rule(
        "p",
        ("*",),
        minimum,
        0.1,
        False,
        "s",
        "",
        "high",
        mark="cache_control",
        marks=4,
        lookback=3,
        ttls=ANTHROPIC.ttls,
    )
    own = marks_in("anthropic_messages", value)
    after, edits = placed(value, rule, static, talk)
    marks = marks_in("anthropic_messages", after)
    assert len(marks) == len(own) + len(edits) <= max(4, len(own))
    assert unmarked(after) == unmarked(value)
    if edits:
        lives = [SECONDS[mark.ttl] for mark in marks]
        assert lives == sorted(lives, reverse=True)
    for mark in own:
        assert mark in marks or (*mark.path, 0) in [m.path for m in marks]


turns = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.booleans()), min_size=1, max_size=8)


@given(turns, st.integers(2, 6), st.integers(0, 40))
def test_each_turn_reads_all_that_was_there_at_the_turn_before(
    grown: list[tuple[int, int, bool]], lookback: int, minimum: int
) -> None:
    rule = Rule(
        "p", ("*",), minimum, 0.1, False, "s", "", "high", mark="cache_control", marks=4, lookback=lookback,
        ttls=ANTHROPIC.ttls,
    )  # fmt: skip
    cache, messages, before = AnthropicCache(rule), [user(text("the task"))], 0
    for number, (answered, results, thinks) in enumerate(grown):
        value: Body = {"system": "You are brief.", "tools": [{"name": "f"}], "messages": messages}
        row = blocks("anthropic_messages", value)
        row_of = {block.path: n for n, block in enumerate(row)}
        said_so_far = pieces("anthropic_messages", value)
        elements = [(orjson.dumps(block.value), 0) for block in row]
        sizes = [sum(len(p.text) for p in said_so_far[: n + 1]) // 4 for n in range(len(row))]
        elements = [(e[0], sizes[n] - (sizes[n - 1] if n else 0)) for n, e in enumerate(elements)]
        after, _ = placed(value, rule)
        marks = [
            (row_of.get(m.path, row_of.get(m.path[:-1], -1)), m.ttl) for m in marks_in("anthropic_messages", after)
        ]
        reading = cache.ask(elements, number, marks)
        assert reading.read == before
        before = reading.read + reading.written
        assert before == (sizes[-1] if sizes[-1] >= minimum else 0)
        answer: list[Body] = [{"type": "thinking", "thinking": "hm"}] * thinks + [text(f"call {number}")] * answered
        messages = [*messages, {"role": "assistant", "content": answer}, user(*[text(f"got {number}")] * results)]
