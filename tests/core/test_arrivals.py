"""The lifetime that is chosen is the cheapest, as found by asking a simulated cache at the times of arrival."""

from __future__ import annotations

from itertools import accumulate
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.arrivals import PRIOR, REMEMBERED, Arrivals
from everwarm.core.caches import AnthropicCache
from everwarm.core.rules import Rule, Ttl

LATER = 10.0**7  # seconds; as good as never


def rule(refreshes: bool = True, read: float = 0.1, ttls: tuple[Ttl, ...] = (Ttl(300, 1.25), Ttl(3600, 2.0))) -> Rule:
    return Rule(
        "p", ("*",), 1024, read, False, "s", "", "high", mark="cache_control", marks=4, ttls=ttls, refreshes=refreshes
    )


def known(*gaps: float) -> Arrivals:
    arrivals = Arrivals()
    for gap in gaps:
        arrivals = arrivals.note(gap)
    return arrivals


def measured(of: Rule, ttl: Ttl, gaps: list[float]) -> float:
    """What a token cost on average, of requests with these gaps before them."""
    cache, spent = AnthropicCache(of), 0.0
    for at in accumulate(min(gap, LATER) for gap in gaps):
        reading = cache.ask([(b"all", 2000)], at, [(0, ttl.name)])
        assert reading.total == reading.read + reading.written
        spent += reading.read * of.read_factor + reading.written * ttl.write_factor
    return spent / 2000 / len(gaps)


waits = st.one_of(
    st.integers(0, 300), st.integers(300, 3600), st.integers(3600, 10**5), st.sampled_from([300, 3600, inf])
)


@given(st.lists(waits, max_size=100), st.booleans(), st.floats(0, 1))
def test_the_cheapest_in_a_simulation(gaps: list[float], refreshes: bool, read: float) -> None:
    of, arrivals = rule(refreshes, read), known(*gaps)
    costs = {ttl.name: measured(of, ttl, [*PRIOR, *gaps[-REMEMBERED:]]) for ttl in of.ttls}
    for ttl in of.ttls:
        assert arrivals.cost(of, ttl) == pytest.approx(costs[ttl.name])
    chosen = arrivals.choose(of, 2000)
    assert costs.get(chosen or "", 1.0) == pytest.approx(min(1.0, *costs.values()))


@pytest.mark.parametrize(
    ("gaps", "ttl"),
    [
        ([], "5m"),
        ([20.0] * 50, "5m"),
        ([600.0] * 50, "1h"),
        ([20.0, 20.0, 600.0] * 20, "1h"),
        ([20.0] * 9 + [7200.0] + [20.0] * 9, "5m"),
        ([20.0] * 9 + [600.0] + [20.0] * 9, "1h"),
        ([7200.0] * 50, None),
        ([inf] * 50, None),
    ],
    ids=[
        "nothing known",
        "busy",
        "every ten minutes",
        "breaks between",
        "a long break",
        "a short break",
        "every two hours",
        "once",
    ],
)
def test_what_is_chosen(gaps: list[float], ttl: str | None) -> None:
    assert known(*gaps).choose(rule(), 2000) == ttl


def test_none_under_the_minimum_and_none_where_there_are_no_lifetimes() -> None:
    assert known().choose(rule(), 1023) is None
    assert known().choose(rule(ttls=()), 2000) is None


def test_without_refreshing_an_entry_ends_though_it_is_read() -> None:
    gaps = [100.0] * 60
    assert known(*gaps).cost(rule(refreshes=False), Ttl(300, 1.25)) > known(*gaps).cost(rule(), Ttl(300, 1.25))


def test_a_new_habit_is_followed() -> None:
    arrivals = known(*[20.0] * 1000)
    count = 0
    while arrivals.choose(rule(), 2000) != "1h":
        arrivals, count = arrivals.note(600), count + 1
    assert count < REMEMBERED
    assert len(arrivals.gaps) == REMEMBERED


def test_a_clock_that_goes_back_is_no_gap() -> None:
    assert known(-5.0).gaps == (0.0,)
