"""Waterfalls add up, whatever is in a log and in whatever order it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from analysed import RULES, Log, adds_up
from everwarm.analyze.reading.gather import Gather
from everwarm.analyze.reading.record import Record
from everwarm.core.analysis.account import Accounts, Options
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.call import Line, Place
from everwarm.core.analysis.loss import UNAVOIDABLE, Account
from everwarm.core.usage import Usage

SAID = (
    "Hi",
    "Hi there",
    '{"a": 1, "b": 2}',
    '{"b": 2, "a": 1}',
    "It is 10:03:21",
    "It is 10:04:59",
    "x" * 900,
    "",
    "y" * 500,
)

texts = st.sampled_from(SAID)
mark = st.sampled_from(
    [{}, {"cache_control": {"type": "ephemeral"}}, {"cache_control": {"type": "ephemeral", "ttl": "1h"}}]
)
parts = st.tuples(texts, mark).map(lambda both: {"type": "text", "text": both[0], **both[1]})
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant"]), "content": texts | st.lists(parts, max_size=3)}
)
tools = st.sampled_from("abc").map(lambda name: {"name": name, "input_schema": {"type": "object"}})
bodies = st.fixed_dictionaries(
    {"messages": st.lists(messages, max_size=5)},
    optional={
        "system": texts | st.lists(parts, max_size=2),
        "tools": st.lists(tools, max_size=3),
        "tool_choice": st.sampled_from(["auto", "any"]),
        "thinking": st.just({"type": "enabled"}),
        "speed": st.just("fast"),
        "cache_control": st.just({"type": "ephemeral"}),
    },
)
times = st.none() | st.integers(0, 8000).map(float)
tokens = st.sampled_from([0, 1, 128, 1024, 2000, 10**12])
calls = st.fixed_dictionaries(
    {"body": bodies},
    optional={
        "at": times,
        "began": times,
        "ended": times,
        "failed": st.booleans(),
        "tokens": st.integers(0, 3000),
        "read": tokens | st.just(-3),
        "usage": st.builds(Usage, tokens, tokens, tokens, tokens, tokens, tokens),
        "provider": st.sampled_from(sorted(RULES)),
        "model": st.sampled_from("mn"),
        "space": st.sampled_from("st"),
        "session": st.sampled_from(["", "1", "2"]),
        "dialect": st.sampled_from(["openai_chat", "anthropic_messages"]),
    },
)
options = st.builds(Options, st.booleans(), st.booleans(), st.sampled_from([0.0, 900.0]), st.sampled_from(["", "1h"]))


@settings(deadline=None)  # machines are slow at times
@given(st.lists(calls, max_size=12), options, st.booleans())
def test_each_token_of_each_call_went_one_way(log: list[dict[str, Any]], options: Options, timed: bool) -> None:
    """``Log.ask`` looks whether it adds up."""
    asked = Log(options=options)
    if timed:
        log = sorted(log, key=lambda call: call.get("at") or 0.0)
    for number, call in enumerate(log):
        account = asked.ask(**call)
        assert 0 <= account.rules <= account.ideal <= account.total
        assert -1 <= account.after < number
        assert account.lost == sum(loss.tokens for loss in account.losses if loss.cause not in UNAVOIDABLE)
        assert all(-1 <= loss.pair < number and loss.tokens > 0 for loss in account.losses)
        assert all((loss.change is not None) >= loss.cause.startswith(("tools", "system")) for loss in account.losses)


@st.composite
def records(draw: st.DrawFn) -> list[Record]:
    """Calls at times that differ."""
    made = []
    for number, call in enumerate(draw(st.lists(calls, max_size=10))):
        line = Line(*(call.get(name, default) for name, default in (("provider", "whole"), ("model", "m"))))
        line = line._replace(space=call.get("space", ""), session=call.get("session", ""))
        at = 100.0 * number + draw(st.integers(0, 99))
        made.append(Record(Place(draw(st.sampled_from("fg")), number), line, "anthropic_messages", call["body"], at=at))
        if "usage" in call:
            made[-1].usage = call["usage"]
    return made


def accounts(records: Sequence[Record]) -> list[Account]:
    gather = Gather()
    for record in records:
        gather.add(record)
    made = Accounts(gather.prompts, lambda provider, model: RULES[provider], anchors=gather.hidden)
    return [made.of(call) for call in gather.finish() if call.tokens]


@settings(deadline=None)  # machines are slow at times
@given(st.data(), records())
def test_the_order_of_lines_does_not_matter_where_times_differ(data: st.DataObject, records: list[Record]) -> None:
    assert accounts(data.draw(st.permutations(records))) == accounts(records)


def test_calls_of_a_transcript_have_no_body_and_add_up_all_the_same() -> None:
    gather = Gather()
    for number in range(4):
        block = Block("messages", "user", True, f"\n<|user|>\nTurn {number} " + "x" * 2000, (), 2000)
        record = Record(Place("f", number), Line("marked", "m"), blocks=(block,), keeps=number, hides="agent 1")
        record.at, record.usage = 60.0 * number, Usage(0, 900 * number, 5, cache_write=893, cache_write_long=7)
        gather.add(record)
    made = Accounts(gather.prompts, lambda provider, model: RULES[provider], anchors=gather.hidden)
    found = [made.of(call) for call in gather.finish()]
    assert all(map(adds_up, found))
    assert [account.after for account in found] == [-1, 0, 1, 2]
    assert [(account.written, account.written_long) for account in found] == [(900, 7)] * 4
    assert [[loss.cause for loss in account.losses] for account in found][1:] == [["new"]] * 3


def test_a_long_conversation_is_new_at_its_end_only_and_each_clock_is_one() -> None:
    log = Log(dialect="anthropic_messages")
    talk = [{"role": "user", "content": [{"type": "text", "text": f"{n} {m}"} for m in range(20)]} for n in range(100)]
    for turn in range(1, 100):
        account = log.ask({"system": "x" * 3000, "messages": talk[:turn]})
        assert [loss.cause for loss in account.losses] == ["cold" if turn == 1 else "new"]
    log = Log(dialect="anthropic_messages")
    for turn in range(200):
        clock = f"It is {turn // 60:02}:{turn % 60:02}:00. "
        account = log.ask({"system": clock + "y" * 3000, "messages": [{"role": "user", "content": "Hi"}]})
        changes = [loss.change.what for loss in account.losses if loss.change is not None]
        assert changes == ([] if turn == 0 else ["a clock"])
