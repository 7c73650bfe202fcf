"""What a report says first: read, could have been, paid, lost a day."""

from __future__ import annotations

from dataclasses import dataclass

from everwarm.analyze.report import Repair, Report, Step
from everwarm.core.analysis.loss import UNAVOIDABLE

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Headline:
    """Tokens are of prompts; money is in US dollars, None where no price is known."""

    prompt: int
    read: int
    lost: int
    new: int
    could: int  # with all repairs, replayed; as much as an unlimited cache gives where nothing was replayed
    replayed: bool  # which of the two
    cost: float | None
    uncached: float | None
    repaired: float | None  # what it would have cost with all repairs
    lost_money: float | None
    per_day: float | None  # of what was lost; None also where the log spans less than a day


def headline(report: Report) -> Headline:
    """The sums that come first."""
    total, everything = report.total, _all(report.repairs)
    wasted = [step for step in total.steps if is_lost(step)]
    prices = [step.money for step in wasted if step.money is not None]
    lost_money = sum(prices) if prices or (not wasted and total.cost is not None) else None
    days = _days(report)
    return Headline(
        prompt=total.prompt,
        read=total.read,
        lost=sum(step.tokens for step in wasted),
        new=sum(step.tokens for step in total.steps if not is_lost(step)),
        could=max(everything.read if everything else total.ideal, total.read),
        replayed=everything is not None,
        cost=total.cost,
        uncached=total.uncached,
        repaired=everything.cost if everything else None,
        lost_money=lost_money,
        per_day=None if lost_money is None or days is None else lost_money / days,
    )


def is_lost(step: Step) -> bool:
    """Whether its tokens could have been read; the others are new."""
    return step.cause not in UNAVOIDABLE


def _all(repairs: list[Repair]) -> Repair | None:
    return next((repair for repair in repairs if repair.name == "all"), None)


def _days(report: Report) -> float | None:
    if report.began is None or report.ended is None or report.ended - report.began < DAY:
        return None
    return (report.ended - report.began) / DAY
