"""Findings in words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.layout.finding import Cost, Finding
from everwarm.core.layout.words import amount, costliest, joined, lasting, place, sentence, summary, where

CLOCK = Finding(("system",), 18, 37, "a clock", "move", False, 47_360, 48_848)
COST = Cost(11_840, 12_212, calibrated=False)


def test_a_clock_in_the_system_prompt() -> None:
    assert sentence(CLOCK, COST) == "system char 18-37 is a clock; it makes 11,840 of 12,212 tokens uncachable"
    assert sentence(CLOCK._replace(done=True), COST) == (
        "system char 18-37 is a clock; it no longer makes 11,840 of 12,212 tokens uncachable"
    )


def test_over_many_requests() -> None:
    assert summary("`system` char 18-37", "a clock", 11_840, 12_212, 0.957, 412, done=False) == (
        "`system` char 18-37 is a clock; it made 11,840 of 12,212 tokens uncachable in 96 % of 412 requests"
    )
    assert summary("`tools`", "another order", 1, 1, 1.0, 1, done=True) == (
        "`tools` is another order; it would have made 1 of 1 token uncachable in 1 request"
    )


def test_places() -> None:
    assert where(("messages", 0, "content"), 3, 9) == "messages[0].content char 3-9"
    assert where(("tools",), 0, 0) == "tools"
    for odd in ("a\r\nset-cookie: b", "ü", "x" * 61):
        assert place(("messages", 0, odd)) == "a member of the body"


def test_how_long_it_lasts_and_how_sure_that_is() -> None:
    dynamic = CLOCK._replace(stability="dynamic", confidence=0.75)
    assert lasting(dynamic) == "it changes within conversations (75 % sure)"
    assert lasting(dynamic._replace(stability="session")) == "it changes between conversations (75 % sure)"
    assert lasting(dynamic._replace(stability="static")) == lasting(CLOCK) == ""


def test_the_costliest() -> None:
    small, none = CLOCK._replace(lost=1, kind="an id"), CLOCK._replace(lost=0)
    assert costliest([none, small, CLOCK, CLOCK._replace(kind="a date")]) == CLOCK
    assert costliest([none]) is None
    assert costliest([]) is None


def test_amounts() -> None:
    assert amount(0, 1) == "0 of 1 token uncachable"
    assert amount(1_000, 2_000) == "1,000 of 2,000 tokens uncachable"


def test_a_reason_and_a_finding() -> None:
    assert joined("it is new", "a clock", 200) == "it is new; a clock"
    assert joined("", "a clock", 200) == "a clock"
    assert joined("it is new", "", 200) == "it is new"
    assert joined("it is new", "a clock", 17) == "it is...; a clock"
    assert joined("it is new", "a clock", 12) == "a clock"
    assert joined("it is new", "a clock", 5) == "a clo"


@given(st.text(max_size=30), st.text(max_size=30), st.integers(0, 70))
def test_it_is_never_longer_than_it_may_be(why: str, more: str, longest: int) -> None:
    told = joined(why, more, longest)
    assert len(told) <= longest
    if len(more) <= longest:
        assert more in told
