"""Which earlier call one should have continued."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysed import Log, change_in, lost
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.call import Call, Line, Place
from everwarm.core.analysis.kin import Kindred
from everwarm.core.analysis.prompts import Prompt, Prompts

LONG = "Every parcel has a number, and every number a story. " * 20


def talk(*contents: str, system: str = "") -> dict[str, Any]:
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": content} for n, content in enumerate(contents)]
    return {"system": system, "messages": messages} if system else {"messages": messages}


def said(topic: str, count: int) -> list[str]:
    return [f"{topic} {n}: {topic * 300}" for n in range(count)]


def test_a_conversation_is_found_by_its_session_though_its_beginning_is_another_one() -> None:
    log = Log(dialect="anthropic_messages")
    bees, ants = said("bees", 5), said("ants", 5)
    log.ask(talk(*bees[:4]), session="1")
    log.ask(talk(*ants[:4]), session="2")
    account = log.ask(talk("Well, " + bees[0], *bees[1:5]), session="1")
    assert (account.after, change_in(account).what) == (0, "a message edited")


def test_without_sessions_it_is_found_by_what_was_said_last() -> None:
    log = Log(dialect="anthropic_messages")
    bees, ants = said("bees", 6), said("ants", 6)
    log.ask(talk(*bees[:5]))
    log.ask(talk(*ants[:5]))
    account = log.ask(talk("So far: honey.", *bees[3:6]))
    assert account.after == 0
    assert lost(account)["messages_changed"] > 2000


def test_two_sessions_never_continue_each_other() -> None:
    log = Log(dialect="anthropic_messages")
    bees = said("bees", 6)
    log.ask(talk(*bees[:5]), session="1")
    account = log.ask(talk("So far: honey.", *bees[3:6]), session="2")
    assert "messages_changed" not in lost(account)


def test_another_question_to_one_application_is_new_and_nothing_changed() -> None:
    log = Log(dialect="anthropic_messages")
    log.ask(talk("Where is my parcel?", system=LONG))
    account = log.ask(talk("May I pay later?", system=LONG))
    assert [loss.cause for loss in account.losses] == ["new"]
    assert account.after == 0


def test_of_several_the_one_with_most_in_common_is_taken() -> None:
    """A session, the last that was said, the same beginning, the same system prompt: each leads to another call, and a
    fifth one is not looked at."""
    log = Log(dialect="anthropic_messages")
    bees, ants, cats = said("bees", 5), said("ants", 5), said("cats", 5)
    log.ask(talk(*cats, system="A"), session="s")
    log.ask(talk(ants[0], bees[1], ants[2]), session="t")
    log.ask(talk(*ants[:3], bees[3]), session="t")
    log.ask(talk(*bees[:3], system=f"{LONG} 1"), session="u", app="a")
    log.ask(talk("Other.", system=f"{LONG} 2"), session="v", app="b")
    account = log.ask(talk(*bees, system=f"{LONG} 3"), session="s", app="b")
    assert change_in(account).tier == "system"
    assert lost(account).keys() == {"system_changed"}


def test_a_conversation_whose_first_message_is_changed_by_a_few_words_is_the_same() -> None:
    log = Log(dialect="anthropic_messages")
    bees = said("bees", 5)
    log.ask(talk(*bees[:3]))
    account = log.ask(talk("Please: " + bees[0], "Yes?"))
    assert (account.after, change_in(account).what) == (0, "a message edited")


@pytest.mark.parametrize("apps", [("plain", "clocked"), ("", "")])
def test_of_a_conversation_and_its_double_the_former_is_continued(apps: tuple[str, str]) -> None:
    """The double was asked last, and has more of the same: all but a name. But what was said in it is not said here."""
    log, answers = Log(dialect="anthropic_messages"), said("bees", 14)
    for turn in range(7):
        for app, name in zip(apps, "AB", strict=True):
            words = [f"{name} asks on day {n} what bees do." if n % 2 == 0 else answers[n] for n in range(2 * turn + 1)]
            clock = f"It is 10:{turn:02} now. " if name == "B" else ""
            account = log.ask(talk(*words, system=clock + LONG), app=app)
    assert account.after == 11, "the clocked one, a turn before"
    assert change_in(account).what == "a clock"


TOOLS = "abcdefghijklmnopqrst"


def call(prompts: Prompts, app: str, head: str, talk: str, space: str) -> Call:
    """A tool for each character of the one, a message for each of the other."""
    blocks = [Block("tools", "tool", True, f"{each} is a tool. " * 9) for each in head]
    blocks += [Block("messages", "user", True, f"{each} is what was said. ") for each in talk]
    prefix = prompts.prefixes.of(map(prompts.number, blocks))
    return Call(Place("log", 1), Line(space=space, app=app), "", Prompt(prefix, 0, ()), prompts.size(prefix))


heads = st.tuples(st.integers(0, 19), st.integers(0, 20)).map(lambda cut: (TOOLS[cut[0] :] + TOOLS)[: cut[1]])


@given(
    calls=st.lists(
        st.tuples(heads, st.sampled_from(["", "1", "2" * 16, "3" * 17]), st.sampled_from("xxxy")),
        min_size=3,
        max_size=8,
    )
)
def test_it_knows_of_each_block_the_last_call_that_had_it_near_an_end(calls: list[tuple[str, str, str]]) -> None:
    """Whenever somebody looks: here in the end, and after half of the calls."""
    prompts, made = Prompts(), list[Call]()
    kin, known = dict[str, Kindred](), dict[str, dict[int, int]]()
    for number, each in enumerate(calls):
        made.append(call(prompts, str(number), *each))
        prefix, space = made[-1].prompt.blocks, made[-1].line.space
        path, row, head = prompts.prefixes.path(prefix), prompts.prefixes.row(prefix), prompts.heads(prefix)[1]
        ends = [0, *(prompts.size(prefix) for prefix in path)]
        kindred = kin.setdefault(space, Kindred(prompts, made))
        kindred.remember(made[-1], number, path, head)
        known.setdefault(space, {}).update(dict.fromkeys([*row[: min(head, 16)], *row[-16:]], number))
        if row and number in (len(calls) // 2, len(calls) - 1):
            kindred.find(made[-1], ends.__getitem__, -1)
            assert kindred._blocks == known[space]
