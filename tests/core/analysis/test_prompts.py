"""Prompts: each stretch is kept once, and every body can be had again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import requests_like
import requests_like_anthropic
import requests_like_completions
import requests_like_responses
from everwarm.core.analysis.block import IMAGE, Block
from everwarm.core.analysis.bodies import Bodies
from everwarm.core.analysis.prompts import MEMBERS, Prompt, Prompts
from everwarm.core.layout.draft import Draft
from everwarm.core.layout.outline import outline

BODIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "openai_chat": requests_like.chats(),
    "anthropic_messages": requests_like_anthropic.anthropic_requests(),
    "openai_responses": requests_like_responses.responses_requests(),
    "openai_completions": requests_like_completions.completions(),
}
odd = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "b", "a"]), inner),
    max_leaves=6,
)


items = st.builds(
    lambda role, text: {"role": role, "content": text}, st.sampled_from(["system", "user", "assistant"]), st.text("ab")
)


def parted(dialect: str, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    members = MEMBERS[dialect]
    return (
        {name: body[name] for name in members if name in body},
        {name: value for name, value in body.items() if name not in members},
    )


def unmarked(members: dict[str, Any]) -> dict[str, Any]:
    """A tool's mark is no part of what a model reads."""
    tools = members.get("tools")
    if not isinstance(tools, list):
        return members
    bare = [{k: v for k, v in t.items() if k != "cache_control"} if isinstance(t, dict) else t for t in tools]
    return {**members, "tools": bare}


def again(dialect: str, *row: dict[str, Any]) -> None:
    """Each of a row of bodies, of which the later ones share what they share with those before."""
    prompts = Prompts()
    bodies, narrow = Bodies(prompts), Bodies(prompts, most=0)
    for body in row:
        prompt, rest = parted(dialect, body)
        first, second = prompts.read(dialect, body), prompts.read(dialect, body)
        assert first == second
        whole = {**rest, **prompt}
        made = bodies.of(dialect, first, rest)
        assert made == Draft(dialect, orjson.dumps(whole), whole, outline(dialect, whole), plain=True)
        assert narrow.of(dialect, first, rest) == made
        assert list(made.value) == list(whole)
        assert bodies.read(dialect, made.value) == first == prompts.read(dialect, whole)


def grown(dialect: str, body: dict[str, Any], item: Any) -> list[dict[str, Any]]:
    """The body, one more item behind its conversation, one in front of it, and it all once more."""
    talk = MEMBERS[dialect][-1]
    if not isinstance(body.get(talk), list):
        return [body]
    return [body, {**body, talk: [*body[talk], item]}, {**body, talk: [item, *body[talk]]}, body]


@pytest.mark.parametrize("dialect", sorted(BODIES))
@settings(deadline=None)  # machines are slow at times
@given(data=st.data())
def test_a_body_can_be_had_again_with_its_values_and_its_order_of_keys(dialect: str, data: st.DataObject) -> None:
    again(dialect, *grown(dialect, orjson.loads(orjson.dumps(data.draw(BODIES[dialect]))), data.draw(items)))


@settings(deadline=None)  # machines are slow at times
@given(st.lists(st.lists(items, max_size=12), max_size=4), st.sampled_from(["messages", "input"]))
def test_conversations_go_on_by_few_messages_or_by_many(steps: list[list[dict[str, Any]]], talk: str) -> None:
    dialect = {"messages": "openai_chat", "input": "openai_responses"}[talk]
    ends = [sum(map(len, steps[: n + 1])) for n in range(len(steps))]
    said = list(chain.from_iterable(steps))
    again(
        dialect, *({"model": "m", "tools": tools, talk: said[:end]} for end in ends for tools in ([], [{"name": "f"}]))
    )


@pytest.mark.parametrize("dialect", sorted(BODIES))
@settings(deadline=None)  # machines are slow at times
@given(data=st.data())
def test_so_can_one_that_no_protocol_allows(dialect: str, data: st.DataObject) -> None:
    names = st.sampled_from([*MEMBERS[dialect], "model"])
    again(dialect, *grown(dialect, data.draw(st.dictionaries(names, odd)), data.draw(odd)))


def test_what_is_forgotten_is_not_taken_for_what_stands_in_its_place() -> None:
    """Python gives the place in memory of what nobody has any more to what comes next."""
    prompts = Prompts()
    bodies = Bodies(prompts, most=0)
    for n in range(100):
        body = {"messages": [{"role": "user", "content": f"{n} {m}"} for m in range(1 + 20 * (n % 2))]}
        assert bodies.of("openai_chat", prompts.read("openai_chat", body), {}) is not None
        fresh = orjson.loads(orjson.dumps({"messages": [{"role": "user", "content": f"Fresh {n}"}]}))
        assert bodies.read("openai_chat", fresh) == prompts.read("openai_chat", fresh)


@pytest.mark.parametrize("dialect", sorted(BODIES))
@settings(deadline=None)  # machines are slow at times
@given(data=st.data())
def test_blocks_hold_what_a_model_reads_in_its_order(dialect: str, data: st.DataObject) -> None:
    prompts = Prompts()
    body = orjson.loads(orjson.dumps(data.draw(BODIES[dialect])))
    members, _ = parted(dialect, body)
    if dialect == "openai_completions" and not isinstance(members["prompt"], str):
        members["prompt"] = data.draw(st.text())  # of several prompts each counts as one
    row = prompts.row(prompts.read(dialect, members))
    pieces = outline(dialect, unmarked(members))
    assert "".join(block.said for block in row) == "".join(piece.text for piece in pieces)
    assert [block.tier for block in row for _ in block.pieces] == [piece.tier for piece in pieces]
    prefixes = prompts.prefixes.path(prompts.read(dialect, members).blocks)
    sizes = [sum(block.size for block in row[: n + 1]) for n in range(len(row))]
    assert [prompts.size(prefix) for prefix in prefixes] == sizes


def test_what_was_there_before_is_the_same_whatever_comes_after() -> None:
    prompts = Prompts()
    talk = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    one = prompts.read("openai_chat", {"messages": talk})
    more = [*talk, {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]}]
    two = prompts.read("openai_chat", {"messages": more})
    assert prompts.prefixes.parent[two.blocks] == one.blocks
    assert prompts.bodies.parent[two.units] == one.units
    assert len(prompts.units) == len(prompts.blocks) == 3


def test_a_system_message_is_of_the_system_prompt_only_where_nothing_else_is_before_it() -> None:
    prompts = Prompts()
    system, user = {"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hi"}
    row = prompts.row(prompts.read("openai_chat", {"messages": [system, user, system]}))
    assert [block.tier for block in row] == ["system", "messages", "messages"]
    row = prompts.row(prompts.read("openai_responses", {"instructions": "Be.", "input": [system, user, system]}))
    assert [block.tier for block in row] == ["system", "system", "messages", "messages"]


def test_a_string_and_a_list_of_one_text_are_one_block_and_roles_are_not() -> None:
    prompts = Prompts()
    bodies: list[Any] = ["Hi", [{"type": "text", "text": "Hi"}]]
    read = [prompts.read("anthropic_messages", {"messages": [{"role": "user", "content": each}]}) for each in bodies]
    assert read[0].blocks == read[1].blocks
    assert read[0].units != read[1].units
    other = prompts.read("anthropic_messages", {"messages": [{"role": "assistant", "content": "Hi"}]})
    assert other.blocks != read[0].blocks


def marks(body: dict[str, Any]) -> tuple[tuple[int, str], ...]:
    return Prompts().read("anthropic_messages", body).marks


def marked(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": text, "cache_control": {"type": "ephemeral", **more}}


def test_marks_are_places_among_the_blocks() -> None:
    plain = {"type": "text", "text": "a"}
    tool = {"name": "t", "input_schema": {}, "cache_control": {"type": "ephemeral"}}
    result = {"type": "tool_result", "tool_use_id": "1", "content": [plain, marked("b")]}
    body = {
        "tools": [{"name": "s", "input_schema": {}}, tool],
        "system": [plain, marked("b", ttl="1h"), plain],
        "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [plain, {"type": "tool_use", "id": "1", "name": "t", "input": {}}]},
            {"role": "user", "content": [plain, result, plain]},
        ],
    }
    assert marks(body) == ((1, "5m"), (3, "1h"), (9, "5m"))
    assert marks({**body, "cache_control": {"type": "ephemeral", "ttl": "1h"}})[-1] == (10, "1h")
    assert marks({"cache_control": {"type": "ephemeral"}, "messages": []}) == ()


def test_a_mark_at_what_is_no_block_is_none() -> None:
    empty = {"type": "tool_result", "tool_use_id": "1", "cache_control": {"type": "ephemeral"}}
    assert marks({"messages": [{"role": "user", "content": [empty]}]}) == ()


def test_calls_of_tools_belong_to_the_part_before_them() -> None:
    prompts = Prompts()
    calls = [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    said = {"role": "assistant", "content": "I look.", "tool_calls": calls}
    silent = {"role": "assistant", "content": None, "tool_calls": calls}
    row = prompts.row(prompts.read("openai_chat", {"messages": [said, silent]}))
    assert [block.said for block in row] == ['I look."look"{}', '"look"{}']
    part = {"type": "text", "text": "a"}
    two = {"role": "assistant", "content": [part, part], "tool_calls": calls}
    row = prompts.row(prompts.read("openai_chat", {"messages": [two]}))
    assert [(block.opens, block.said) for block in row] == [(True, "a"), (False, 'a"look"{}')]


@pytest.mark.parametrize("make", [lambda data: {"type": "base64", "data": data}, lambda data: {"url": f"data:{data}"}])
def test_an_image_counts_as_its_tokens_not_its_letters(make: Callable[[str], dict[str, str]]) -> None:
    prompts = Prompts()
    part = {"type": "image", "source": make("A" * 90_000)}
    body = {"messages": [{"role": "user", "content": [part]}]}
    assert prompts.size(prompts.read("anthropic_messages", body).blocks) == IMAGE + len("\n<|user|>\n")
    part = {"type": "image", "source": {"letters": "A" * 90_000}}
    body = {"messages": [{"role": "user", "content": [part]}]}
    assert prompts.size(prompts.read("anthropic_messages", body).blocks) > 90_000


def test_sizes_that_are_learned_later_count_from_then_on() -> None:
    prompts = Prompts()
    number = prompts.number(Block("system", "system", True, "hidden"))
    assert prompts.number(Block("system", "system", True, "hidden")) == number
    prefix = prompts.prefixes.after(0, number)
    assert prompts.size(prefix) == 0
    prompts.blocks[number] = prompts.blocks[number]._replace(size=7)
    prompts.measure()
    assert prompts.size(prefix) == 7


def test_where_a_character_of_a_block_is() -> None:
    prompts = Prompts()
    calls = [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
    body = {"messages": [{"role": "assistant", "content": "I look.", "tool_calls": calls}]}
    (block,) = prompts.row(prompts.read("openai_chat", body))
    head = len("\n<|assistant|>\n")
    assert block.at(head) == (("content",), 0)
    assert block.at(head + 6) == (("content",), 6)
    assert block.at(head + 7) == (("tool_calls", 0, "function", "name"), 0)
    assert block.at(head + 13) == block.at(head + 13)
    assert block.at(99)[0] == ("tool_calls", 0, "function", "arguments")
    assert block.at(0) == (("content",), 0)
    assert Block("system", "system", True, "hidden").at(3) == ((), 3)


def test_of_no_dialect_nothing_is_known() -> None:
    assert Prompts().read("", {"messages": [{"role": "user", "content": "Hi"}]}) == Prompt(0, 0, ())


def test_what_is_no_json_is_no_prompt() -> None:
    with pytest.raises(TypeError):
        Prompts().read("openai_chat", {"messages": [{"role": "user", "content": object()}]})
