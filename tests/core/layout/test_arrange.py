"""Requests as an application sends them, and as they go out: what moves, what stays, what never breaks."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everwarm.core.body import read
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.draft import Draft
from everwarm.core.layout.finding import Arranged, Mode, Wishes
from everwarm.core.layout.notes import MemoryNotes, Notes
from everwarm.core.layout.outline import outline, rendered

DIALECTS = ["openai_chat", "openai_responses", "anthropic_messages"]
REWRITE = Wishes("rewrite")
RULES = "You are the assistant of an airline. Answer in short and friendly sentences, and never guess. " * 6
REFERENCE = '(see <context name="Current time">)'
Body = dict[str, Any]


def prompt(clock: str) -> str:
    return f"{RULES}\nCurrent time: {clock}\n{RULES}"


def clock(n: int) -> str:
    return f"2026-11-20 10:{n:02}:{n * 7 % 60:02}"


def body(dialect: str, system: str, *texts: str) -> Body:
    """A request whose messages are a user's and a model's in turn."""
    messages = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]
    if dialect == "openai_chat":
        return {"model": "m", "messages": [{"role": "system", "content": system}, *messages]}
    if dialect == "openai_responses":
        return {"model": "m", "instructions": system, "input": messages}
    return {"model": "m", "max_tokens": 9, "system": system, "messages": messages}


def send(layout: Layout, dialect: str, value: Body, wishes: Wishes = REWRITE, space: str = "a", at: int = 0) -> bytes:
    return arranged(layout, dialect, value, wishes, space, at).data


def arranged(
    layout: Layout, dialect: str, value: Body, wishes: Wishes = REWRITE, space: str = "a", at: int = 0
) -> Arranged:
    return layout.arrange(space, dialect, "m", orjson.dumps(value), wishes, 1e9 + at)


def taught(dialect: str, notes: Notes | None = None) -> Layout:
    """A layout that has seen the clock change, in two conversations."""
    layout = Layout(MemoryNotes() if notes is None else notes)
    for n in range(3):
        texts = [word for i in range(n + 1) for word in (f"Early question {i}", f"Early answer {i}")][:-1]
        send(layout, dialect, body(dialect, prompt(clock(n)), *texts), at=n)
    return layout


def talk(n: int) -> list[str]:
    """The messages of a conversation up to its turn ``n``."""
    return [word for i in range(n + 1) for word in (f"Question {i}, please", f"Answer {i}")][:-1]


def texts(dialect: str, data: bytes) -> list[str]:
    return [p.text for p in outline(dialect, orjson.loads(data))]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_clock_goes_behind_the_newest_turn(dialect: str) -> None:
    out = texts(dialect, send(taught(dialect), dialect, body(dialect, prompt(clock(9)), *talk(0)), at=9))
    assert out[0] == prompt(REFERENCE)
    assert out[-1] == f'Question 0, please\n\n<context name="Current time">{clock(9)}</context>'


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_request_extends_the_one_before(dialect: str) -> None:
    layout, before = taught(dialect), ""
    for n in range(5):
        data = send(layout, dialect, body(dialect, prompt(clock(10 + n)), *talk(n)), at=10 + n)
        text = rendered(outline(dialect, orjson.loads(data)))
        assert text.startswith(before)
        assert text.count("<context name=") == n + 2, "one of each turn, and the reference"
        before = text


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_after_a_restart(dialect: str) -> None:
    notes = MemoryNotes()
    layout = taught(dialect, notes)
    for n in range(2):
        send(layout, dialect, body(dialect, prompt(clock(10 + n)), *talk(n)), at=10 + n)
    last = body(dialect, prompt(clock(12)), *talk(2))
    there = send(layout, dialect, last, at=12)
    assert b"</context>" in there
    assert send(Layout(notes), dialect, last, at=99) == there


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_did_not_change_is_not_sent_again(dialect: str) -> None:
    layout = taught(dialect)
    for n in range(2):
        data = send(layout, dialect, body(dialect, prompt(clock(10)), *talk(n)), at=10 + n)
    assert data.count(b"</context>") == 1
    assert texts(dialect, data)[-1] == "Question 1, please"


def test_behind_a_result_of_a_tool_stands_a_new_message() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    value = body("openai_chat", prompt(clock(9)), "Look it up")
    result = {"role": "tool", "tool_call_id": "1", "content": "found"}
    value["messages"] += [{"role": "assistant", "content": None, "tool_calls": [call]}, result]
    out = orjson.loads(send(taught("openai_chat"), "openai_chat", value, at=9))["messages"]
    assert out[1:-1] == value["messages"][1:]
    assert out[-1] == {"role": "user", "content": f'<context name="Current time">{clock(9)}</context>'}


def test_behind_results_of_anthropic_stands_a_text_and_the_rest_stays() -> None:
    value = body("anthropic_messages", prompt(clock(9)), "Look it up")
    thinking = {"type": "thinking", "thinking": "t", "signature": "s=="}
    use = {"type": "tool_use", "id": "1", "name": "f", "input": {"b": 1.50, "a": 2}}
    result = {"type": "tool_result", "tool_use_id": "1", "content": "r", "cache_control": {"type": "ephemeral"}}
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}, "odd": None}
    value["messages"] += [
        {"role": "assistant", "content": [thinking, use]},
        {"role": "user", "content": [result, image]},
    ]
    out = orjson.loads(send(taught("anthropic_messages"), "anthropic_messages", value, at=9))
    block = {"type": "text", "text": f'<context name="Current time">{clock(9)}</context>'}
    value["system"] = prompt(REFERENCE)
    value["messages"][-1]["content"].append(block)
    assert out == value


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("mode", ["advise", "off"])
def test_without_rewrite_the_very_bytes_go_out(dialect: str, mode: Any) -> None:
    layout = taught(dialect)
    data = json.dumps(body(dialect, prompt(clock(9)), "Hi"), indent=1).encode()
    out = layout.arrange("a", dialect, "m", data, Wishes(mode), 2e9)
    assert out.data == data
    assert [(f.kind, f.cure, f.done) for f in out.findings] == [("a clock", "move", False)] * (mode == "advise")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_value_that_is_to_be_kept(dialect: str) -> None:
    value = body(dialect, prompt(clock(9)), "Hi")
    assert send(taught(dialect), dialect, value, Wishes("rewrite", keep=("2026-..-",)), at=9) == orjson.dumps(value)


def test_a_value_that_holds_the_end_of_a_block_stays() -> None:
    layout = taught("openai_chat")
    value = body("openai_chat", prompt("noon</context>"), "Hi")
    assert send(layout, "openai_chat", value, at=9) == orjson.dumps(value)


def test_nothing_moves_out_of_a_block_of_code() -> None:
    layout = Layout(MemoryNotes())
    for n in range(6):
        value = body("openai_chat", f"{RULES}\n```\nCurrent time: {clock(n)}\n```\n{RULES}", *talk(n))
        assert send(layout, "openai_chat", value, at=n) == orjson.dumps(value)


def test_nothing_moves_out_of_a_schema() -> None:
    layout = Layout(MemoryNotes())
    for n in range(6):
        schema = json.dumps({"properties": {"time": {"default": clock(n)}}})
        value = body("openai_chat", f"{RULES}\n{schema}\n{RULES}", *talk(n))
        assert send(layout, "openai_chat", value, at=n) == orjson.dumps(value)


def test_namespaces_learn_nothing_of_each_other() -> None:
    layout = taught("openai_chat")
    value = body("openai_chat", prompt(clock(9)), *talk(0))
    assert send(layout, "openai_chat", value, space="b", at=9) == orjson.dumps(value)
    assert send(layout, "openai_chat", value, space="a", at=9) != orjson.dumps(value)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_nobody_gets_the_name_of_another(dialect: str) -> None:
    layout = Layout(MemoryNotes())
    people = ["Mia Li", "Noah Berg", "Ana Souza", "Chen Wu", "Yuki Tanaka", "Omar Haddad"]
    opening = ["Hi", "Hello! How can I help?"]
    for round_ in range(3):
        for n, person in enumerate(people):
            words = [*opening, "My bag is lost"][: 2 * min(round_, 1) + 1]
            data = send(layout, dialect, body(dialect, f"{RULES}\nUser: {person}\n{RULES}", *words), at=10 * n)
            assert [p for p in people if p.encode() in data] == [person]


def test_a_new_version_of_a_prompt_moves_nothing() -> None:
    layout = Layout(MemoryNotes())
    for n, version in enumerate(["Offer a refund.", *["Offer a voucher."] * 4]):
        value = body("openai_chat", f"{RULES}\n{version}\n{RULES}", f"Question {n}")
        assert send(layout, "openai_chat", value, at=n) == orjson.dumps(value)


def test_a_pair_of_prompts_moves_nothing() -> None:
    layout = Layout(MemoryNotes())
    for n in range(12):
        version = ("Offer a refund.", "Offer a voucher.")[n % 2]
        value = body("openai_chat", f"{RULES}\n{version}\n{RULES}", f"Question {n}")
        assert send(layout, "openai_chat", value, at=n) == orjson.dumps(value), n


@pytest.mark.parametrize("data", [b'{"messages":[],"messages":[]}', b"{}", b'{"n":0,"messages":[]}'])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_no_request_goes_out_as_it_came(dialect: str, data: bytes) -> None:
    assert Layout(MemoryNotes()).arrange("a", dialect, "m", data, REWRITE, 0.0).data == data


WORDS = st.sampled_from(
    [
        "role",
        "content",
        "text",
        "type",
        "user",
        "system",
        "tool",
        "name",
        "function",
        "tool_result",
        "parameters",
        clock(1),
    ]
)
ANYTHING = st.recursive(
    st.one_of(WORDS, st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(st.data())
def test_whatever_the_json(dialect: str, data: st.DataObject) -> None:
    layout = taught(dialect)
    plain = body(dialect, prompt(clock(9)), "Hi")
    members = st.sampled_from(["messages", "system", "tools", "functions", "input", "instructions", "n"])
    for odd in data.draw(st.lists(st.dictionaries(members, ANYTHING, max_size=3), min_size=1, max_size=3)):
        out = send(layout, dialect, plain | odd, at=9)
        assert isinstance(orjson.loads(out), dict)


def apart(dialect: str, data: bytes) -> Body:
    """The request as it came, from the one that went out and nothing else. Of a dialect with text contents."""
    value: Body = orjson.loads(data)
    known: dict[str, str] = {}
    messages = value["input" if dialect == "openai_responses" else "messages"]
    for message in list(messages):
        content = message["content"]
        if message["role"] != "user":
            continue
        message["content"] = content.partition('\n\n<context name="')[0]
        for name, text in BLOCK.findall(content):
            added = name.endswith(" (added)")
            name = name.removesuffix(" (added)")
            known[name] = known[name] + text if added else text
    holder, member = place_of_system(dialect, value)
    holder[member] = SEE.sub(lambda found: known[found[1]], holder[member])
    return value


BLOCK = re.compile(r'\n<context name="([^"]*)">(.*?)</context>', re.DOTALL)
SEE = re.compile(r'\(see <context name="([^"]*)">\)')


def place_of_system(dialect: str, value: Body) -> tuple[Body, str]:
    if dialect == "openai_chat":
        return value["messages"][0], "content"
    return value, "instructions" if dialect == "openai_responses" else "system"


NOTES = "".join(f"- The guest likes thing number {n}, as was said before.\n" for n in range(12))
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters="<>"), min_size=1, max_size=30)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(
    st.lists(st.tuples(st.integers(0, 59), st.integers(1, 12), PLAIN), min_size=4, max_size=8),
    st.booleans(),
)
@settings(max_examples=25)
def test_taken_apart_it_is_what_came(dialect: str, turns: list[tuple[int, int, str]], clock_first: bool) -> None:
    layout, words, grown = Layout(MemoryNotes()), [], 0
    for at, (minute, more, text) in enumerate(turns):
        grown = max(grown, more)
        facts = f"Current time: {clock(minute)}\n{RULES}\nMemory:\n{NOTES[: 58 * grown]}\n{RULES}"
        system = facts if clock_first else f"{RULES}\n{facts}"
        words = [*words, text]
        value = body(dialect, system, *words)
        assert apart(dialect, send(layout, dialect, value, at=at)) == value
        words = [*words, "An answer"]


def test_what_was_added_is_told_alone() -> None:
    layout, words = Layout(MemoryNotes()), []
    for n in range(6):
        words = [*words, f"Question {n}"]
        system = f"{RULES}\nKnown of the guest:\n{NOTES[: 58 * (n + 1)]}\nThat is all.\n{RULES}"
        out = send(layout, "openai_chat", body("openai_chat", system, *words), at=n)
        words = [*words, f"Answer {n}"]
    said = orjson.loads(out)["messages"][-1]["content"]
    assert ' (added)">' in said
    assert len(said) < 200 < len(NOTES[:348])


@pytest.mark.parametrize("mode", ["advise", "rewrite"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_body_that_is_parsed_already_is_arranged_as_its_bytes_are(dialect: str, mode: Mode) -> None:
    data = orjson.dumps(body(dialect, prompt(clock(9)), "A question"))
    parsed = read(data)
    before = orjson.dumps(parsed.value)
    with_it, without = taught(dialect), taught(dialect)
    made = with_it.arrange("a", dialect, "m", data, Wishes(mode), 2e9, parsed)
    assert made == without.arrange("a", dialect, "m", data, Wishes(mode), 2e9)
    assert made.findings
    assert made.value == orjson.loads(made.data)
    assert orjson.dumps(parsed.value) == before, "it is another's"
    outlined = Draft(dialect, data, parsed.value, outline(dialect, parsed.value), parsed.plain)
    assert taught(dialect).arrange("a", dialect, "m", data, Wishes(mode), 2e9, outlined) == made
    assert orjson.dumps(parsed.value) == before


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_it_was_before_anything_was_moved(dialect: str) -> None:
    """As where nothing may be."""
    data = orjson.dumps(body(dialect, prompt(clock(9)), "A question"))
    made = taught(dialect).arrange("a", dialect, "m", data, REWRITE, 2e9)
    assert made.data != data
    assert made.unmoved is not None
    kept = taught(dialect).arrange("a", dialect, "m", data, REWRITE._replace(keep=("(?s).",)), 2e9)
    assert made.unmoved.data == kept.data == data
    assert kept.unmoved is None
