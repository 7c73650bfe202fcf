"""Manners: what is tried again, after how long, and when an upstream is left alone (promise r13)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.manners import LONGEST_WAIT, RETRYABLE, Breaker, Budget, pause, retryable

chances = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_what_is_the_requests_fault_is_not_tried_again(status: int) -> None:
    assert not retryable(status, {})


@pytest.mark.parametrize("status", sorted(RETRYABLE))
def test_what_may_pass_is_tried_again_unless_the_upstream_says_no(status: int) -> None:
    assert retryable(status, {})
    assert not retryable(status, {"x-should-retry": "false"})


def test_the_upstream_has_the_last_word() -> None:
    assert retryable(400, {"x-should-retry": "True"})
    assert retryable(500, {"x-should-retry": "perhaps"})


@given(st.floats(0, LONGEST_WAIT), chances, st.integers(0, 9))
def test_what_the_upstream_asks_for_is_waited_in_full(asked: float, chance: float, attempt: int) -> None:
    waited = pause(attempt, asked, chance)
    assert waited is not None
    assert asked <= waited <= asked + 1


@given(st.floats(LONGEST_WAIT, 1e9, exclude_min=True), chances)
def test_nobody_waits_for_too_long(asked: float, chance: float) -> None:
    assert pause(0, asked, chance) is None


@given(st.integers(0, 30), chances)
def test_pauses_grow_and_are_bounded_and_jittered(attempt: int, chance: float) -> None:
    now, later = pause(attempt, None, chance), pause(attempt + 1, None, chance)
    assert now is not None
    assert later is not None
    assert 0.125 <= now <= later <= 8
    if chance > 0.01:
        assert now > (pause(attempt, None, 0.0) or 0)


def test_a_budget_bounds_retries_to_a_share_of_the_requests() -> None:
    budget = Budget()
    assert [budget.take() for _ in range(12)].count(True) == 10
    for _ in range(100):
        budget.asked()
    assert [budget.take() for _ in range(100)].count(True) == 10
    for _ in range(8):
        budget.asked()
    assert [budget.take() for _ in range(10)].count(True) == 2


def broken(at: float = 0.0) -> Breaker:
    """One that has just opened."""
    breaker = Breaker()
    for _ in range(breaker.failures):
        assert breaker.admits(at)
        breaker.failed(at)
    return breaker


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker()
    for _ in range(20):
        breaker.failed(0)
        breaker.failed(0)
        breaker.succeeded()
    assert breaker.state(0) == "closed"
    assert broken().state(0) == "open"
    assert not broken().admits(1)
    assert broken().wait(0.5) == 1.5


def test_then_one_request_tries_and_its_fate_decides() -> None:
    breaker = broken()
    assert breaker.state(2) == "half-open"
    assert breaker.admits(2)
    assert not breaker.admits(2)
    breaker.succeeded()
    assert breaker.state(2) == "closed"
    assert breaker.admits(2)


def test_each_failed_trial_leaves_it_alone_for_twice_as_long() -> None:
    breaker, now, waits = broken(), 0.0, []
    for _ in range(8):
        waits.append(breaker.wait(now))
        now += breaker.wait(now)
        assert breaker.admits(now)
        breaker.failed(now)
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_trial_that_was_given_up_makes_room_for_another() -> None:
    breaker = broken()
    assert breaker.admits(2)
    breaker.unknown()
    assert breaker.admits(2)
