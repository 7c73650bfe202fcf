"""The hit rate over time, and the gaps in which lifetimes ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from everwarm.analyze.report import Moment
from everwarm.core.analysis.loss import UNAVOIDABLE, Account

MOST: Final = 120
"""Moments of a picture."""

_STEPS: Final = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)
"""Seconds that a moment may be long."""


def moments(row: Sequence[tuple[float, Account]]) -> list[Moment]:
    """``row``: times and accounts, in order."""
    if not row:
        return []
    begin, end = row[0][0], row[-1][0]
    long = next((step for step in _STEPS if (end - begin) / step < MOST), _STEPS[-1])
    found: dict[int, Moment] = {}
    for at, account in row:
        n = int(at // long)
        moment = found.get(n)
        if moment is None:
            moment = found[n] = Moment(float(n * long), float(long), 0, 0, 0, 0, 0)
        moment.calls += 1
        moment.prompt += account.total
        moment.read += account.read
        for loss in account.losses:
            if loss.cause not in UNAVOIDABLE:
                moment.lost += loss.tokens
                moment.expired += loss.tokens * (loss.cause == "expired")
    return [found[n] for n in sorted(found)]
