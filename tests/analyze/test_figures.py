"""Numbers as people read them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyze.example import MONDAY, repairs, report
from everwarm.analyze.showing.figures import duration, many, moment, percent, usd
from everwarm.analyze.showing.headline import headline


@pytest.mark.parametrize(
    ("part", "whole", "says"),
    [
        (0, 10, "0.0%"),
        (1, 100_000, "<0.1%"),
        (1, 3, "33.3%"),
        (99_999, 100_000, ">99.9%"),
        (5, 5, "100.0%"),
        (0, 0, "–"),
    ],
)
def test_only_none_is_none_and_only_all_is_all(part: int, whole: int, says: str) -> None:
    assert percent(part, whole) == says


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        (None, "–"),
        (0.0, "$0.00"),
        (1234.5, "$1,234.50"),
        (0.0042, "$0.0042"),
        (0.0001, "$0.00010"),
        (0.000012, "<$0.0001"),
        (-0.000012, ">-$0.0001"),
        (-3.1, "-$3.10"),
    ],
)
def test_money_is_shown_as_exactly_as_it_counts(amount: float | None, says: str) -> None:
    assert usd(amount) == says


def test_times_are_in_the_unit_that_fits() -> None:
    assert [duration(s) for s in (1, 45, 300, 5400, 86400)] == [
        "1 second",
        "45 seconds",
        "5 minutes",
        "1.5 hours",
        "1 day",
    ]
    assert (moment(MONDAY + 50_700), moment(None)) == ("2026-11-16 14:05", "–")
    assert [many(n, "call") for n in (0, 1, 2_412, 12_345_678)] == [
        "0 calls",
        "1 call",
        "2,412 calls",
        "12,345,678 calls",
    ]


def test_the_headline_adds_up() -> None:
    head = headline(report())
    assert head.read + head.lost + head.new == head.prompt
    assert head.lost_money == pytest.approx(24.40)
    assert head.per_day == pytest.approx(24.40 / 6.5)


def test_what_could_have_been_is_never_less_than_what_was() -> None:
    worse = [one for one in repairs() if one.name == "all"]
    worse[0].read = 1
    head = headline(report(repairs=worse))
    assert (head.could, head.replayed) == (head.read, True)


def test_one_repair_alone_counts_as_all_if_it_saves() -> None:
    alone = [one for one in repairs() if one.name in ("layout", "cache-key")]
    head = headline(report(repairs=alone))
    assert (head.could, head.repaired, head.replayed) == (28_400_000, 49.71, True)
    alone[0].prompt *= 2  # as much is read, of twice as many tokens
    assert headline(report(repairs=alone)).could == headline(report()).read
    head = headline(report(repairs=alone[1:]))
    assert (head.could, head.repaired, head.replayed) == (report().total.ideal, None, False), "it saves nothing"


def test_a_repair_that_would_cost_more_than_was_paid_is_none() -> None:
    """Where a provider keeps more than its rules promise, by which repairs are replayed."""
    dear = [replace(one, before_cost=200.0, cost=100.0) for one in repairs() if one.name == "all"]
    head = headline(report(repairs=dear))
    assert (head.repaired, head.replayed) == (None, False)


def test_repairs_of_a_part_of_the_log_are_none_of_the_log() -> None:
    part = repairs()
    for repair in part:
        repair.before_prompt //= 2
    head = headline(report(repairs=part))
    assert (head.could, head.repaired, head.replayed) == (report().total.ideal, None, False)


def test_a_log_of_less_than_a_day_has_no_loss_per_day() -> None:
    head = headline(report(ended=MONDAY + 20 * 3600))
    assert head.per_day is None
    assert head.lost_money == pytest.approx(24.40)
