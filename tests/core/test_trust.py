"""How long a draft should be."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.trust import MEASURED, MOST, TRY, Trust, between

DRAFTS = st.lists(st.integers(1, 32).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), max_size=30)
HOPES = st.floats(0, 1)
TINY = 1e-12
"""What rounding may make of a chance."""


def trust_after(hope: float, drafts: list[tuple[int, int]]) -> Trust:
    trust = Trust(hope)
    for drafted, accepted in drafts:
        trust.judge(drafted, accepted)
    return trust


def worth(trust: Trust, length: int, beside: int = 0) -> bool:
    """Whether so many drafted tokens give more for their price than none."""
    gain = sum(trust.chance**i for i in range(length + 1)) + beside
    return gain / MEASURED(length + 1 + beside) > (1 + beside) / MEASURED(1 + beside)


def paying(trust: Trust) -> int:
    """The length of a draft, a mere try counted as none."""
    length = trust.length(32, MEASURED)
    return length if worth(trust, length) else 0


@given(HOPES, DRAFTS, st.integers(1, 32), st.integers(0, 30), st.just(0.0) | st.floats(0, 1.5))
def test_no_other_length_gives_more_for_its_price(
    hope: float, drafts: list[tuple[int, int]], limit: int, beside: int, each: float
) -> None:
    trust = trust_after(hope, drafts)
    length = trust.length(limit, MEASURED, beside, each)

    def rate(count: int) -> float:
        price = MEASURED(beside + count + 1) + count * each
        return (beside + sum(trust.chance**i for i in range(count + 1))) / price

    if length == min(limit, TRY) and rate(length) <= rate(0):
        return  # it does not pay, and is tried again

    assert length <= limit
    assert rate(length) >= max(rate(count) for count in range(limit + 1)) - 1e-9


@given(HOPES, DRAFTS, st.integers(1, 32))
def test_full_acceptance_never_shortens_and_refusal_never_lengthens(
    hope: float, drafts: list[tuple[int, int]], drafted: int
) -> None:
    better, same, worse = (trust_after(hope, drafts) for _ in range(3))
    better.judge(drafted, drafted)
    worse.judge(drafted, 0)
    assert worse.chance - TINY <= same.chance <= better.chance + TINY
    assert paying(worse) <= paying(same) <= paying(better)


def test_drafts_grow_while_they_are_accepted() -> None:
    trust, lengths = Trust(0.5), []
    for _ in range(20):
        lengths.append(trust.length(32, MEASURED))
        trust.judge(lengths[-1], lengths[-1])
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (1, 32)
    assert trust.length(1000, MEASURED) == MOST


def test_what_is_always_refused_is_tried_ever_more_rarely() -> None:
    trust, tried = Trust(0.9), []
    for step in range(2000):
        if length := trust.length(32, MEASURED):
            tried.append(step)
            trust.judge(length, 0)
    pauses = [b - a - 1 for a, b in pairwise(tried)]
    assert pauses == sorted(pauses)
    assert len(tried) < 20
    assert pauses[-1] == 256


def test_one_good_try_brings_drafts_back() -> None:
    trust = trust_after(0.9, [(4, 0)] * 10)
    while not (length := trust.length(32, MEASURED)):
        pass
    trust.judge(length, length)
    trust.judge(TRY, TRY)
    trust.judge(TRY, TRY)
    assert paying(trust) >= TRY


@pytest.mark.parametrize(("each", "most"), [(0.05, 2000), (0.3, 2000), (1.0, 20)])
def test_drafts_that_are_paid_for_go_on_while_they_pay_and_not_longer(each: float, most: int) -> None:
    """Always right, and yet not worth it where a drafted token costs what the model's own does."""
    trust, drafts = Trust(0.5), []
    for _ in range(2000):
        drafts.append(trust.length(8, MEASURED, 0, each))
        if drafts[-1]:
            trust.judge(drafts[-1], drafts[-1])
    assert sum(map(bool, drafts)) <= most
    assert (drafts[-1] == 8) is (each < 1)


def test_a_try_that_is_paid_for_and_convinces_brings_drafts_back() -> None:
    trust = trust_after(0.5, [(2, 0)] * 3)
    lengths = []
    for _ in range(200):
        lengths.append(trust.length(8, MEASURED, 0, 0.1))
        if lengths[-1]:
            trust.judge(lengths[-1], lengths[-1])
    assert lengths[0] == 0
    assert lengths[-100:] == [8] * 100


def test_rows_that_cost_as_much_as_steps_are_not_drafted() -> None:
    assert paying(Trust(0.9)) > 4
    assert trust_after(0.9, [(1, 0)]).length(32, float) == 0


def test_beside_others_a_poor_draft_pays_less() -> None:
    poor = Trust(0.3)
    assert poor.length(32, MEASURED) > 0
    assert not worth(poor, 1, beside=15)


def test_costs_lie_between_what_was_measured() -> None:
    costs = between({1: 1.0, 4: 1.6, 8: 3.6})
    assert [round(costs(rows), 6) for rows in (1, 2, 4, 6, 8, 10)] == [1.0, 1.2, 1.6, 2.6, 3.6, 4.6]
    with pytest.raises(ValueError, match="two points"):
        between({1: 1.0})


@pytest.mark.parametrize(("drafted", "accepted"), [(0, 0), (2, 3), (2, -1)])
def test_what_cannot_be_is_refused(drafted: int, accepted: int) -> None:
    with pytest.raises(ValueError, match="tokens accepted"):
        Trust(0.5).judge(drafted, accepted)
