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
    could: int  # with the best repairs, replayed; where none saves anything, what an unlimited cache gives
    replayed: bool  # which of the two
    cost: float | None
    uncached: float | None
    repaired: float | None  # what it would have cost with them
    lost_money: float | None
    per_day: float | None  # of what was lost; None also where the log spans less than a day


def headline(report: Report) -> Headline:
    """The sums that come first."""
    total, best = report.total, _best(report.repairs, report.total.prompt)
    if best is not None and best.cost is not None and total.cost is not None and best.cost >= total.cost:
        best = None  # the provider did better than its rules promise
    wasted = [step for step in total.steps if is_lost(step)]
    prices = [step.money for step in wasted if step.money is not None]
    lost_money = sum(prices) if prices or (not wasted and total.cost is not None) else None
    days = _days(report)
    return Headline(
        prompt=total.prompt,
        read=total.read,
        lost=sum(step.tokens for step in wasted),
        new=sum(step.tokens for step in total.steps if not is_lost(step)),
        could=max(best.read * total.prompt // best.prompt if best else total.ideal, total.read),
        replayed=best is not None,
        cost=total.cost,
        uncached=total.uncached,
        repaired=best.cost if best else None,
        lost_money=lost_money,
        per_day=None if lost_money is None or days is None else lost_money / days,
    )


def is_lost(step: Step) -> bool:
    """Whether its tokens could have been read; the others are new."""
    return step.cause not in UNAVOIDABLE


def _best(repairs: list[Repair], prompt: int) -> Repair | None:
    """All together; where that is no better than one alone, the one that has most read of those that save anything.
    None if there is no such, or if only a part of the log was replayed: its sums are not those of the log."""
    repairs = [repair for repair in repairs if repair.before_prompt == prompt and repair.prompt]
    together = next((repair for repair in repairs if repair.name == "all"), None)
    return together or max(filter(_pays, repairs), key=lambda repair: repair.read, default=None)


def _pays(repair: Repair) -> bool:
    if repair.cost is None or repair.before_cost is None:
        return repair.read > repair.before_read
    return repair.cost < repair.before_cost


def _days(report: Report) -> float | None:
    if report.began is None or report.ended is None or report.ended - report.began < DAY:
        return None
    return (report.ended - report.began) / DAY
