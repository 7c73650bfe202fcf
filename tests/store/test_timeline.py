"""A clock that is never set back, made of one that may be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.store.timeline import SKEW, Timeline

NOW = 1_800_000_000.0


def test_as_long_as_the_clock_goes_on_it_is_the_clock() -> None:
    line = Timeline()
    for now in (NOW, NOW + 1, NOW + 86_400, NOW + 86_399):
        assert line.at(now) == now
    assert line.ahead == 0


def test_a_clock_that_is_set_back_goes_on_from_where_it_was() -> None:
    line = Timeline()
    line.at(NOW)
    assert line.at(NOW - 3600) == NOW
    assert line.at(NOW - 3500) == NOW + 100
    assert line.ahead == 3600


def test_two_who_saw_the_same_step_count_it_once() -> None:
    one, other = Timeline(), Timeline()
    for line in (one, other):
        line.at(NOW)
    one.at(NOW - 3600)
    other.adopt(one.ahead)
    assert other.at(NOW - 3599) == NOW + 1
    assert one.ahead == other.ahead == 3600


def test_a_step_while_nobody_was_there() -> None:
    later = Timeline()
    later.adopt(10.0, NOW)
    assert later.at(NOW - 3600) == NOW
    assert later.ahead == 3600


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_it_never_goes_back_by_more_than_a_little(steps: list[float]) -> None:
    line, now, latest = Timeline(), NOW, 0.0
    for step in steps:
        now += step
        at = line.at(now)
        assert at >= latest - SKEW - 1e-3
        latest = max(latest, at)
