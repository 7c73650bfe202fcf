"""How many drafted tokens are worth verifying, from what became of the ones before.

A step that verifies k drafted tokens has k + 1 rows and costs more than a step of one row, but not k + 1 times as much.
If each drafted token is accepted with the chance p, as long as those before it were, it brings

    1 + p + p^2 + ... + p^k     tokens

on average, for the price of k + 1 rows. The best k is the one with the most tokens for its price; k = 0 is not to
draft. The chance is estimated from the last few drafts, so k grows while drafts are accepted and shrinks, down to
nothing, while they are refused. Drafts that are not looked up but made by a model have a price of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Final

Costs = Callable[[int], float]
"""What a step with so many rows costs, in steps with one row."""

MOST: Final = 64
"""Tokens: no draft is longer."""

TRY: Final = 2
"""Tokens drafted where drafting does not pay, to see whether it would again."""

_MEMORY: Final = 0.8  # what a draft weighs against the one after it
_HOPE: Final = 4.0  # drafted tokens that the first estimate is worth
_FIRST_PAUSE: Final = 4  # drafts left out before a try
_LAST_PAUSE: Final = 256


class Trust:
    """In one source of drafts. ``hope`` is the chance that its first drafted token is accepted."""

    def __init__(self, hope: float) -> None:
        self._accepted = hope * _HOPE
        self._judged = _HOPE
        self._pause = _FIRST_PAUSE
        self._left = 0  # drafts still to be left out before a try
        self._doubtful = False  # whether the last draft was a try that had to be paid for

    @property
    def chance(self) -> float:
        """That a drafted token is accepted, if those before it were."""
        return self._accepted / self._judged

    def length(self, limit: int, costs: Costs, beside: int = 0, each: float = 0.0) -> int:
        """How many tokens to draft, at most ``limit``; 0: none, it would not pay.

        ``beside``: rows of the same step that belong to others, and give one token each. ``each``: what it costs to
        have one token drafted, in the unit of ``costs``. Where it does not pay, now and then a short try is allowed:
        after a pause that doubles each time that it fails. A try that costs something has failed, too, if drafting
        does not pay after it.
        """
        limit = min(limit, MOST)
        self._doubtful = False
        if best := self._best(limit, costs, beside, each):
            return best
        if self._left:
            self._left -= 1
            return 0
        self._doubtful = each > 0
        return min(limit, TRY)

    def judge(self, drafted: int, accepted: int) -> None:
        """Of ``drafted`` tokens, at least one, the first ``accepted`` were what the model said too."""
        if not 0 <= accepted <= drafted or not drafted:
            raise ValueError(f"{accepted} tokens accepted of a draft of {drafted}")
        self._accepted = self._accepted * _MEMORY + accepted
        self._judged = self._judged * _MEMORY + accepted + (accepted < drafted)
        good = 2 * accepted >= drafted and not self._doubtful
        self._pause = _FIRST_PAUSE if good else min(2 * self._pause, _LAST_PAUSE)
        self._left = 0 if good else self._pause

    def _best(self, limit: int, costs: Costs, beside: int, each: float) -> int:
        gain, more, chance = 1.0 + beside, 1.0, self.chance
        best, rate = 0, gain / costs(1 + beside)
        for count in range(1, limit + 1):
            more *= chance
            gain += more
            price = costs(count + 1 + beside) + count * each
            if gain / price > rate:
                best, rate = count, gain / price
        return best


def between(points: Mapping[int, float]) -> Costs:
    """Costs by straight lines between measured ``points`` (rows -> cost), at least two; beyond them the lines go on."""
    ordered = sorted(points.items())
    lines = [(x, y, (to - y) / (end - x)) for (x, y), (end, to) in pairwise(ordered)]
    if not lines:
        raise ValueError("a line needs two points")

    def costs(rows: int) -> float:
        x, y, slope = next((line for line in reversed(lines) if line[0] <= rows), lines[0])
        return y + slope * (rows - x)

    return costs


MEASURED: Final = between({1: 1.0, 4: 1.7, 8: 2.4, 16: 3.9, 32: 7.0})
"""The packaged model on two cores."""
