"""Which requests are looked at: all, then a sample, then more of them, and never all of those that are always new."""

from __future__ import annotations

import orjson

from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Arranged, Mode, Wishes
from everwarm.core.layout.looks import AGAIN, EACH, ENOUGH, FIRST, SELDOM, Looks
from everwarm.core.layout.notes import MemoryNotes

ROW = ("public", "openai_chat", "m")


def weights(looks: Looks, number: int) -> list[int]:
    return [looks.weight(ROW) for _ in range(number)]


def test_the_first_ones_are_all_looked_at_then_one_in_eight() -> None:
    looks = Looks()
    assert weights(looks, FIRST) == [1] * FIRST
    assert weights(looks, 3 * EACH) == 3 * [*[0] * (EACH - 1), EACH]


def test_after_something_new_as_many_are_looked_at_as_were_in_the_sample() -> None:
    looks = Looks()
    weights(looks, FIRST + 5 * EACH)
    looks.again(ROW)
    assert weights(looks, 5 + EACH) == [1] * 5 + [0] * (EACH - 1) + [EACH]
    weights(looks, 10 * AGAIN * EACH)
    looks.again(ROW)
    assert weights(looks, AGAIN + 2 * SELDOM)[:AGAIN] == [1] * AGAIN


def test_the_longer_nothing_is_new_the_fewer_are_looked_at_and_they_stand_for_all() -> None:
    looks = Looks()
    weights(looks, FIRST)
    for each in (EACH, 2 * EACH, 4 * EACH, SELDOM, SELDOM):
        assert weights(looks, ENOUGH * each) == ENOUGH * [*[0] * (each - 1), each]
    looks.again(ROW)
    assert weights(looks, AGAIN + 2 * EACH) == [1] * AGAIN + 2 * [*[0] * (EACH - 1), EACH]


def test_what_is_new_among_the_first_ones_changes_nothing() -> None:
    looks = Looks()
    weights(looks, 10)
    looks.again(ROW)
    assert weights(looks, FIRST) == [1] * (FIRST - 10) + [0] * 7 + [EACH] + [0] * 2


def test_where_each_one_is_new_still_most_are_not_looked_at() -> None:
    looks, seen = Looks(), 0
    for number in range(FIRST + 900):
        if looks.weight(ROW):
            seen += number >= FIRST
            looks.again(ROW)
    assert seen == 200


def test_where_more_is_new_than_is_looked_at_the_sample_goes_on() -> None:
    looks, stood_for = Looks(), 0
    weights(looks, FIRST)
    for number in range(800):
        stood_for += looks.weight(ROW)
        if number % 3 == 0:
            looks.again(ROW)
    assert 800 - EACH < stood_for <= 800


def test_rows_are_apart_and_the_one_used_longest_ago_is_forgotten() -> None:
    looks = Looks(most=2)
    for row in (ROW, ("b",)):
        for _ in range(FIRST):
            looks.weight(row)
    assert looks.weight(ROW) == 0
    assert looks.weight(("c",)) == 1
    assert looks.weight(ROW) == 0
    assert looks.weight(("b",)) == 1
    looks.again(("nobody",))


def asked(layout: Layout, number: int, mode: Mode) -> Arranged:
    """A request with a clock before so much text that a cure is worth it."""
    text = f"Current time: 2026-11-26 12:{number // 60 % 60:02}:{number % 60:02}\n\n" + "Answer in one sentence. " * 40
    messages = [{"role": "system", "content": text}, {"role": "user", "content": f"Question {number}"}]
    data = orjson.dumps({"model": "m", "messages": messages})
    return layout.arrange(ROW[0], ROW[1], ROW[2], data, Wishes(mode), 1e9 + number)


def test_advice_stands_for_the_requests_that_it_was_not_given_for() -> None:
    layout = Layout(MemoryNotes())
    rest = [asked(layout, number, "advise") for number in range(FIRST + 2 * EACH)][FIRST:]
    assert [made.weight for made in rest] == 2 * [*[0] * (EACH - 1), EACH]
    assert all(bool(made.findings) == bool(made.weight) == bool(made.stream) for made in rest)
    assert all(finding.lost > 0 for made in rest for finding in made.findings)


def test_where_nothing_is_to_be_found_nothing_is_looked_at_and_all_is_rewritten() -> None:
    layout, blind = Layout(MemoryNotes()), Layout(MemoryNotes(), finds=False)
    for number in range(20):
        made, other = (asked(each, number, "rewrite") for each in (layout, blind))
        assert made.data == other.data
        assert (other.findings, other.weight, other.stream) == ((), 0, made.stream)
    assert made.findings
    assert asked(blind, 20, "advise") == Arranged(asked(layout, 20, "advise").data, weight=0)


def test_every_request_is_rewritten_also_those_that_are_not_measured() -> None:
    layout = Layout(MemoryNotes())
    rest = [asked(layout, number, "rewrite") for number in range(FIRST + 2 * EACH)][FIRST:]
    assert [bool(made.findings) for made in rest] == 2 * [*[False] * (EACH - 1), True]
    systems = {orjson.loads(made.data)["messages"][0]["content"] for made in rest}
    assert len(systems) == 1
    assert {made.stream for made in rest} == {rest[0].stream} != {""}
