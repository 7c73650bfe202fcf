"""What changed between two prompts, and where: the path and the characters are those of the newer body."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from analysed import Log, change_in, lost
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.compare import PAIRED, compare
from everwarm.core.analysis.kinds import change_of
from everwarm.core.analysis.loss import SHOWN, Change
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.where import placed

LONG = "Every parcel has a number, and every number a story. " * 20
OTHER = "Bees dance to tell where flowers are; nobody else listens. " * 20
CLOCK = ("It is 10:03:21 now. ", "It is 10:04:59 now. ")

Body = dict[str, Any]


def user(content: Any, role: str = "user") -> Body:
    return {"role": role, "content": content}


def text(value: str, kind: str = "text") -> Body:
    return {"type": kind, "text": value}


def asked(dialect: str, old: Body, new: Body) -> Change:
    log = Log(dialect=dialect)
    log.ask(old)
    account = log.ask(new)
    change = change_in(account)
    assert lost(account)[f"{change.tier}_changed"] > 0
    return change


def at(body: Any, path: str) -> Any:
    """What stands at the path."""
    for name, number in re.findall(r"(\w+)|\[(\d+)\]", path):
        body = body[int(number)] if number else body[name]
    return body


def chat(system: Any, *rest: Body) -> Body:
    return {"messages": [user(system, "system"), *rest, user(LONG)]}


def chat_part(system: str) -> Body:
    return chat([text("Be kind."), text(system)])


def anthropic(system: Any) -> Body:
    return {"system": system, "messages": [user(LONG)]}


def responses(**members: Any) -> Body:
    return {"input": [user(LONG)], **members}


PLACES: dict[str, tuple[str, Callable[[str], Body], str]] = {
    "chat, a string": ("openai_chat", chat, "messages[0].content"),
    "chat, a list": ("openai_chat", chat_part, "messages[0].content[1].text"),
    "chat, the second message": (
        "openai_chat",
        lambda said: chat("Be kind.", user([]), user(said, "developer")),
        "messages[2].content",
    ),
    "anthropic, a string": ("anthropic_messages", anthropic, "system"),
    "anthropic, a list": ("anthropic_messages", lambda said: anthropic([text("Be."), text(said)]), "system[1].text"),
    "anthropic, a message": (
        "anthropic_messages",
        lambda said: {"system": LONG, "messages": [user("Hi"), user([text("a"), text(said + OTHER)])]},
        "messages[1].content[1].text",
    ),
    "responses, instructions": ("openai_responses", lambda said: responses(instructions=said), "instructions"),
    "responses, a system message": (
        "openai_responses",
        lambda said: {"instructions": "Be.", "input": [user("Be kind.", "system"), user(said, "system"), user(LONG)]},
        "input[1].content",
    ),
    "responses, input": ("openai_responses", lambda said: {"instructions": LONG, "input": said + LONG}, "input"),
    "responses, an item": (
        "openai_responses",
        lambda said: {
            "instructions": LONG,
            "input": [user("Be.", "developer"), user("Hi"), user([text(said + OTHER, "input_text")])],
        },
        "input[2].content[0].text",
    ),
    "completions": ("openai_completions", lambda said: {"prompt": said + LONG}, "prompt"),
    "completions, several": ("openai_completions", lambda said: {"prompt": ["Hi", said + LONG]}, "prompt[1]"),
}


@pytest.mark.parametrize("place", sorted(PLACES))
def test_a_clock_is_found_wherever_it_stands(place: str) -> None:
    dialect, make, path = PLACES[place]
    old, new = (make(f"Be brief. {clock}{LONG}") for clock in CLOCK)
    change = asked(dialect, old, new)
    assert (change.what, change.path) == ("a clock", path)
    assert (change.was, change.became) == ("10:03:21", "10:04:59")
    value = at(new, path)
    if place != "completions, several":  # of which each is as its JSON in a list
        assert value[change.start : change.end] == "10:04:59"


def test_paths_are_those_of_this_body_also_where_its_texts_were_seen_in_others() -> None:
    log = Log(dialect="anthropic_messages")
    log.ask({"system": "x", "messages": [user(f"{CLOCK[1]}{LONG}")]}, space="another")
    log.ask({"system": LONG, "messages": [user([text("Hi"), text(f"{CLOCK[0]}{LONG}")])]})
    new = {"system": LONG, "messages": [user([]), user([text("Hi"), text(f"{CLOCK[1]}{LONG}")])]}
    change = change_in(log.ask(new))
    assert (change.what, change.path) == ("a clock", "messages[1].content[1].text")


KINDS = {
    "an id": ("session 7f3b2a9c4d5e6f708192a3b4c5d6e7f8", "session 0123456789abcdef0123456789abcdef"),
    "a UUID": ("6f1c1d2e-7a4b-4c3d-9e8f-0a1b2c3d4e5f", "11111111-2222-4333-8444-555555555555"),
    "a date": ("Today is 2026-11-25.", "Today is 2026-11-26."),
    "white space": ("Answer  in one line.", "Answer in one\nline."),
    "growing text, such as a memory": ("He likes tea.", "He likes tea. He has a dog called Rex, and a cat."),
    "other passages, such as retrieved ones": (LONG[:250], OTHER[:250]),
    "text that changes": ("He likes tea.", "He likes coffee."),
}


@pytest.mark.parametrize("what", sorted(KINDS))
def test_what_changed_in_a_system_prompt(what: str) -> None:
    old, new = (anthropic(f"Be kind. {each}\n{OTHER}") for each in KINDS[what])
    change = asked("anthropic_messages", old, new)
    assert (change.tier, change.path) == ("system", "system")
    assert change.what in ((what, "a hash") if what == "an id" else (what,))
    assert change.was != change.became
    assert 9 <= change.start < change.end <= 9 + max(map(len, KINDS[what]))


def test_keys_in_another_order_in_a_text() -> None:
    old, new = (anthropic([text("Be."), text(each)]) for each in ('{"a": 1, "b": [1, 2]}', '{"b": [1, 2], "a": 1}'))
    change = asked("anthropic_messages", old, new)
    assert (change.what, change.path, change.start) == ("keys in another order", "system[1].text", 2)
    other = anthropic([text("Be."), text('{"a":1,"b":[1,2]}')])
    assert asked("anthropic_messages", old, other).what == "JSON written otherwise"


def tool(name: str, described: str = "Looks.", **schema: Any) -> Body:
    return {"name": name, "description": described, "input_schema": {"type": "object", **schema}}


def tools(*row: Body) -> Body:
    return {"tools": list(row), "system": LONG, "messages": [user("Hi")]}


A, B, C = tool("a"), tool("b"), tool("c")
SHUFFLED = dict(reversed(B.items()))
TOOLS = [
    ("tools in another order", tools(A, B, C), tools(A, C, B), "tools", "a, b, c", "a, c, b"),
    ("tools added", tools(A, C), tools(A, B, C), "tools[1]", "", "b"),
    ("tools added", {**tools(), "tools": []}, tools(A), "tools[0]", "", "a"),
    ("tools removed", tools(A, B, C), tools(A, C), "tools[1]", "b", ""),
    ("tools removed", tools(A, B), tools(A), "tools", "b", ""),
    ("tools added and removed", tools(A, B), tools(A, C), "tools[1]", "b", "c"),
    ("a tool twice", tools(A, B), tools(A, A, B), "tools", "a, b", "a, b"),
    ("tools and their keys in another order", tools(A, B), tools(SHUFFLED, A), "tools", "a, b", "b, a"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "old", "new", "path", "was", "became"), TOOLS)
def test_what_changed_in_tools(what: str, old: Body, new: Body, path: str, was: str, became: str) -> None:
    assert asked("anthropic_messages", old, new) == Change("tools", what, path, 0, 0, was, became)


def test_a_tool_with_its_keys_in_another_order() -> None:
    change = asked("anthropic_messages", tools(A, B, C), tools(A, SHUFFLED, C))
    assert (change.tier, change.what, change.path, change.start) == ("tools", "keys in another order", "tools[1]", 2)


def test_a_tool_that_changed_is_named_though_another_one_is_spelled_otherwise_before_it() -> None:
    changed = tool("c", f"It is {CLOCK[1]}")
    change = asked("anthropic_messages", tools(B, tool("c", f"It is {CLOCK[0]}")), tools(SHUFFLED, changed))
    assert (change.what, change.path, change.became) == ("a tool changed: a clock", "tools[1]", "10:04:59")


def test_functions_are_tools_with_a_path_of_their_own() -> None:
    old, new = ({"functions": [tool("a"), tool("b", clock)], **chat(LONG)} for clock in CLOCK)
    assert asked("openai_chat", old, new).path == "functions[1]"


def test_many_tools_are_shown_in_part() -> None:
    row = [tool(f"tool_of_the_house_{n}") for n in range(20)]
    change = asked("anthropic_messages", tools(*row), tools(*reversed(row)))
    assert len(change.was) == SHOWN
    assert change.was.endswith("...")


def talk(*contents: Any) -> Body:
    roles = ("user", "assistant")
    return {"system": LONG, "messages": [user(content, roles[n % 2]) for n, content in enumerate(contents)]}


U = [f"Question {n}: {OTHER[n * 7 :]}" for n in range(8)]
THOUGHT = {"type": "thinking", "thinking": "Hm, " * 40, "signature": "s"}
RESULT = {"type": "tool_result", "tool_use_id": "1"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png"}}


def image(letter: str) -> Body:
    return {**IMAGE, "source": {**IMAGE["source"], "data": letter * 20_000}}


TALKS = [
    ("earlier messages dropped (a sliding window)", talk(*U[:6]), talk(*U[:1], *U[3:7]), "messages[1]"),
    ("a message put in between", talk(*U[:4]), talk(*U[:2], LONG, "Yes.", *U[2:5]), "messages[2]"),
    ("history compacted", talk(*U), talk(U[0], "We spoke.", *U[6:]), "messages[1]"),
    ("a message edited", talk(*U[:4]), talk(U[0], U[1] + " Or not.", *U[2:5]), "messages[1].content"),
    ("thinking dropped", talk(U[0], [THOUGHT, text(U[1])], U[2]), talk(U[0], [text(U[1])], *U[2:4]), "messages[1]"),
    (
        "a tool's result edited",
        talk(U[0], U[1], [{**RESULT, "content": U[2]}], U[3]),
        talk(U[0], U[1], [{**RESULT, "content": f"[cut] {U[2]}"}], *U[3:5]),
        "messages[2].content[0].content",
    ),
    (
        "an image",
        talk(U[0], U[1], [text("See:"), image("a")], *U[3:7]),
        talk(U[0], U[1], [text("See:"), image("b")], *U[3:8]),
        "messages[2].content[1]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("what", "old", "new", "path"), TALKS, ids=[row[0] for row in TALKS])
def test_what_changed_in_a_conversation(what: str, old: Body, new: Body, path: str) -> None:
    change = asked("anthropic_messages", old, new)
    assert (change.tier, change.what, change.path) == ("messages", what, path)
    assert max(len(change.was), len(change.became)) <= SHOWN


def test_earlier_messages_replaced() -> None:
    old = talk(U[0], LONG, *U[2:4])
    new = talk(U[0], "Never mind.", "Nothing.", *U[2:6])
    assert asked("anthropic_messages", old, new).what == "earlier messages replaced"


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("text put in between", [text(LONG), text(OTHER)], [text(LONG), text("Be."), text(OTHER)]),
        ("text left out", [text(LONG), text("Be."), text(OTHER)], [text(LONG), text(OTHER)]),
    ],
)
def test_parts_of_a_system_prompt_come_and_go(what: str, old: Any, new: Any) -> None:
    change = asked("anthropic_messages", anthropic(old), anthropic(new))
    assert (change.tier, change.what, change.path) == ("system", what, "system[1]")


def test_a_system_prompt_where_there_was_none() -> None:
    old, new = ({"messages": [*system, user(OTHER), user(LONG)]} for system in ([], [user("Be.", "system")]))
    change = asked("openai_chat", old, new)
    assert (change.tier, change.what, change.path) == ("system", "text put in between", "messages[0]")
    old = {"messages": [user("Be.", "assistant"), user(OTHER), user(LONG)]}
    assert asked("openai_chat", old, new).what == "another system prompt"


@pytest.mark.parametrize("dialect", ["openai_chat", "anthropic_messages", "openai_responses"])
def test_of_a_transcript_places_are_told_from_its_blocks(dialect: str) -> None:
    prompts = Prompts()
    member = "input" if dialect == "openai_responses" else "messages"
    bodies = [{member: [user(LONG), user(f"Be. {clock}{LONG}", "assistant")]} for clock in CLOCK]
    rows = [prompts.prefixes.row(prompts.read(dialect, each).blocks) for each in bodies]
    change = change_of(prompts, dialect, *rows, compare(prompts, *rows))
    assert change is not None
    assert change.path == f"{member}[1].content"
    assert change_of(prompts, dialect, rows[0], rows[0], compare(prompts, rows[0], rows[0])) is None


def test_of_very_many_changes_the_first_ones_are_compared() -> None:
    prompts = Prompts()
    bodies = [talk(*(f"{n} {mark} {OTHER}" for n in range(PAIRED * 2))) for mark in "xy"]
    rows = [prompts.prefixes.row(prompts.read("anthropic_messages", each).blocks) for each in bodies]
    found = compare(prompts, *rows)
    assert found.blocks == 1
    assert len(found.old) == len(found.new) == len(found.pairs) == PAIRED


def test_what_a_log_hides_is_of_the_system_prompt() -> None:
    prompts = Prompts()
    hidden = prompts.number(Block("system", "system", True, "hidden"))
    assert placed(prompts, "", [hidden], 0) == (("system",), prompts.blocks[hidden])
    row = [hidden, *prompts.prefixes.row(prompts.read("anthropic_messages", tools(A)).blocks)]
    assert placed(prompts, "anthropic_messages", row, 1)[0] == ("tools", 1)


def test_tools_and_nothing_else() -> None:
    old, new = {"tools": [tool("a"), tool("b", OTHER)]}, {"tools": [tool("b", OTHER), tool("a")]}
    assert asked("anthropic_messages", old, new).what == "tools in another order"
