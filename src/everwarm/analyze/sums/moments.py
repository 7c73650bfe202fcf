"""The hit rate over time, and the gaps in which lifetimes ended."""

from __future__ import annotations

from array import array
from typing import Final

from everwarm.analyze.report import Moment
from everwarm.core.analysis.loss import Account

MOST: Final = 120
"""Moments of a picture."""

_STEPS: Final = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 604_800)
"""Seconds that a moment may be long."""


class Moments:
    """Takes calls in order; then ``done``. 40 bytes a call, for how long a moment is the last one tells."""

    def __init__(self) -> None:
        self._times = array("d")
        self._tokens = array("q")  # of each call its prompt's, those that were read, lost, and lost to a lifetime's end

    @property
    def span(self) -> tuple[float | None, float | None]:
        """When the first call was sent, and when the last one; None without any."""
        return (self._times[0], self._times[-1]) if self._times else (None, None)

    def add(self, at: float, account: Account, lost: int) -> None:
        """``at``: when it was sent. ``lost``: tokens of the account."""
        expired = 0
        for loss in account.losses:
            if loss.cause == "expired":
                expired += loss.tokens
        self._times.append(at)
        self._tokens.extend((account.total, account.read, lost, expired))

    def done(self) -> list[Moment]:
        """In order."""
        if not self._times:
            return []
        whole = self._times[-1] - self._times[0]
        long = next((step for step in _STEPS if whole / step < MOST), _STEPS[-1])
        found: dict[int, Moment] = {}
        tokens = iter(self._tokens)
        for at, total, read, lost, expired in zip(self._times, tokens, tokens, tokens, tokens, strict=True):
            n = int(at // long)
            moment = found.get(n)
            if moment is None:
                moment = found[n] = Moment(float(n * long), float(long), 0, 0, 0, 0, 0)
            moment.calls += 1
            moment.prompt += total
            moment.read += read
            moment.lost += lost
            moment.expired += expired
        return [found[n] for n in sorted(found)]
