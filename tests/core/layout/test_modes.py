"""A stream with a mode of its own: what happens to its requests, and that nothing happens to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

from everwarm.core.cache_key import prompt_cache_key
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Arranged, Mode, Wishes
from everwarm.core.layout.looks import EACH, FIRST
from everwarm.core.layout.notes import MemoryNotes, Notes
from everwarm.core.rules import Rule

BOOKING = "You are the assistant of an airline. Answer in short and friendly sentences, and never guess. " * 6
TRANSLATING = "Translate what the user gives you into Japanese; keep names, numbers and code as they are, always. " * 6
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {}}}
UNKNOWN = "0123456789abcdef"


def request(rules: str, n: int, **more: Any) -> bytes:
    """Each with another clock in its system prompt, in a conversation of its own."""
    system = f"{rules}\nCurrent time: 2026-11-20 10:{n % 60:02}:{n * 7 % 60:02}\n{rules}"
    talk = [{"role": "system", "content": system}, {"role": "user", "content": f"Question {n}"}]
    return orjson.dumps({"model": "m", "messages": talk, **more})


def arranged(layout: Layout, data: bytes, mode: Mode, streams: Mapping[str, Mode], at: int = 0) -> Arranged:
    return layout.arrange("a", "openai_chat", "m", data, Wishes(mode, streams=streams), 1e9 + at)


def taught(notes: Notes | None = None) -> tuple[Layout, str, str]:
    """A layout that knows two streams of one kin, and their ids."""
    layout = Layout(MemoryNotes() if notes is None else notes)
    (booking,), (translating,) = (
        {arranged(layout, request(rules, n), "advise", {}, n).stream for n in range(5)}
        for rules in (BOOKING, TRANSLATING)
    )
    return layout, booking, translating


def is_moved(data: bytes) -> bool:
    return b"see <context name=" in data


def test_one_stream_is_rewritten_while_the_others_are_advised() -> None:
    layout, booking, translating = taught()
    for n in range(6, 12):
        one, other = (
            arranged(layout, request(r, n), "advise", {booking: "rewrite"}, n) for r in (BOOKING, TRANSLATING)
        )
        assert is_moved(one.data)
        assert [(f.kind, f.done) for f in one.findings] == [("a clock", True)]
        assert other.data == request(TRANSLATING, n)
        assert [(f.kind, f.done) for f in other.findings] == [("a clock", False)]
        assert (one.stream, other.stream) == (booking, translating)


def test_it_is_rewritten_where_others_are_not_even_looked_at() -> None:
    layout, booking, _ = taught()
    weights = []
    for n in range(FIRST // 2 + EACH):
        one, other = (
            arranged(layout, request(r, n), "advise", {booking: "rewrite"}, n) for r in (BOOKING, TRANSLATING)
        )
        assert is_moved(one.data)
        assert other.data == request(TRANSLATING, n)
        assert bool(other.findings) == bool(other.weight)
        weights += [one.weight, other.weight]
    assert sorted(weights[-2 * EACH :]) == [0] * (2 * EACH - 2) + [EACH] * 2, "sums are of the same sample as before"


def test_requests_that_cannot_be_of_it_are_not_understood() -> None:
    layout, booking, _ = taught()
    streams: dict[str, Mode] = {booking: "rewrite"}
    found = [arranged(layout, request(BOOKING, n, tools=[TOOL]), "advise", streams, n) for n in range(FIRST + EACH)]
    assert {(made.stream, made.weight) for made in found if not made.weight} == {("", 0)}
    assert len({made.stream for made in found}) == 2, "what is of the sample is of a stream of its own"
    assert all(made.data == request(BOOKING, n, tools=[TOOL]) for n, made in enumerate(found))


def test_off_is_recognised_and_let_be() -> None:
    layout, booking, _ = taught()
    for n in range(6, 9):
        data = request(BOOKING, n)
        assert arranged(layout, data, "rewrite", {booking: "off"}, n) == Arranged(data, (), booking, 1)
        assert is_moved(arranged(layout, request(TRANSLATING, n), "rewrite", {booking: "off"}, n).data)


def test_advise_says_what_it_would_do_and_nothing_of_what_is_not_in_the_sample() -> None:
    layout, booking, _ = taught()
    for n in range(FIRST + EACH):
        one = arranged(layout, request(BOOKING, n), "rewrite", {booking: "advise"}, n)
        assert one.data == request(BOOKING, n)
        assert [(f.kind, f.cure, f.done) for f in one.findings] == [("a clock", "move", False)] * (one.weight > 0)
        assert one.stream == booking


@pytest.mark.parametrize("own", ["advise", "off"])
def test_marks_and_keys_are_of_those_that_are_rewritten(own: Mode) -> None:
    """A key for OpenAI's cache, by the stream; nothing where the bytes are to go out as they came."""
    layout, booking, translating = taught()
    rule = Rule("openai", ("*",), 1024, 0.1, True, "s", "2026-11-25", "high")
    wishes = Wishes("rewrite", rule=rule, streams={booking: own})
    one, other = (layout.arrange("a", "openai_chat", "m", request(r, 9), wishes, 1e9) for r in (BOOKING, TRANSLATING))
    assert one.data == request(BOOKING, 9)
    assert orjson.loads(other.data)["prompt_cache_key"] == prompt_cache_key("a", translating)
    without = wishes._replace(rule=replace(rule, provider="another"))
    assert (
        b"prompt_cache_key" not in layout.arrange("a", "openai_chat", "m", request(TRANSLATING, 9), without, 1e9).data
    )


def test_where_nothing_is_to_be_looked_at_no_stream_is_known() -> None:
    notes = MemoryNotes()
    layout = Layout(notes)
    for n in range(5):
        data = request(BOOKING, n)
        assert arranged(layout, data, "off", {UNKNOWN: "rewrite"}, n) == Arranged(data)
    assert notes.all("a", "stream") == {}


def test_an_unknown_stream_changes_nothing() -> None:
    layout, *_ = taught()
    for n in range(6, 9):
        assert arranged(layout, request(BOOKING, n), "advise", {UNKNOWN: "rewrite"}, n).data == request(BOOKING, n)


@pytest.mark.parametrize("others", [0, 30])
def test_its_id_is_the_same_after_a_restart_however_many_others_there_are(others: int) -> None:
    notes = MemoryNotes()
    layout, booking, _ = taught(notes)
    streams: dict[str, Mode] = {booking: "rewrite"}
    for n in range(others):
        text = f"{chr(97 + n) * 30} {chr(65 + n) * 30}\n" * 12
        assert arranged(layout, request(text, 0), "advise", streams, n).stream != booking
    for fresh in (layout, Layout(notes)):
        made = arranged(fresh, request(BOOKING, 50), "advise", streams, 100)
        assert made.stream == booking
        assert is_moved(made.data)
