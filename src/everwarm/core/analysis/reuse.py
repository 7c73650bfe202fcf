"""What of a trace was there before: how much of it caches of all sizes would have had, and after how long."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final

from everwarm.core.analysis.recency import Recency
from everwarm.core.analysis.runs import Runs

WAITS: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0, float("inf"))
"""Seconds between two uses, by which reuse is counted: up to and with each."""

SERIES: Final = (1, 2, 5)
"""Sizes of caches that are shown, times powers of ten."""


class Reuse:
    """Of requests in the order of time, whose rows are in ``runs``. ``size``: tokens of a block.

    The last block of a row may be shorter, as the tokens of the request say; what they have beyond the row is new.
    """

    def __init__(self, runs: Runs, size: int) -> None:
        self.size = size
        self.requests = self.tokens = self.known = 0
        self.waits = [0] * len(WAITS)  # tokens that were used again, by how long after: see ``WAITS``
        self._recency = Recency(runs)
        self._gains = array("q", bytes(8 * (runs.blocks + 4)))  # differences of what one more block gains, by blocks
        self._curve: array[int] | None = None

    def use(self, end: int, tokens: int, at: float) -> None:
        """A request. ``at`` is in seconds, and not before that of the last one."""
        self.requests += 1
        self.tokens += tokens
        self._curve = None
        depth = 0
        for blocks, above, wait in self._recency.use(end, at):
            reused = min((depth + blocks) * self.size, tokens) - min(depth * self.size, tokens)
            self.known += reused
            self.waits[bisect_left(WAITS, wait)] += reused
            self._gain(above + 1, reused)
            depth += blocks

    def read(self, capacity: int) -> int:
        """Tokens that a cache of so many tokens would have had."""
        gained = self._gained()
        return gained[min(capacity // self.size, len(gained) - 1)]

    def rate(self, capacity: int) -> float:
        """The same as a part of all tokens: 0 to 1."""
        return self._part(self.read(capacity))

    @property
    def unlimited(self) -> float:
        """The same of a cache that keeps everything."""
        return self._part(self.known)

    def curve(self, capacities: Iterable[int] | None = None) -> list[tuple[int, float]]:
        """Tokens that a cache holds, and its rate. By default sizes from one request's to all that can be had."""
        return [(capacity, self.rate(capacity)) for capacity in capacities or self._capacities()]

    def ttl(self) -> list[tuple[float, float]]:
        """Seconds that a block lives since its last use, and the rate: each of ``WAITS`` but the last."""
        lives = zip(WAITS, accumulate(self.waits), strict=True)
        return [(seconds, self._part(known)) for seconds, known in lives][:-1]

    def needed(self, share: float) -> int:
        """The tokens of the smallest cache that has this share of what an unlimited one has."""
        return bisect_left(self._gained(), share * self.known) * self.size

    def _part(self, tokens: int) -> float:
        return tokens / self.tokens if self.tokens else 0.0

    def _gain(self, first: int, tokens: int) -> None:
        """A cache of ``first`` blocks has one block of these tokens, one of a block more has two, and so on."""
        gains, (whole, part) = self._gains, divmod(tokens, self.size)
        gains[first] += self.size
        gains[first + whole] += part - self.size
        gains[first + whole + 1] -= part

    def _gained(self) -> array[int]:
        """Tokens, by the blocks that a cache holds."""
        if self._curve is None:
            self._curve = array("q", accumulate(accumulate(self._gains)))
        return self._curve

    def _capacities(self) -> Iterator[int]:
        least, most = self.tokens // max(self.requests, 1), self.needed(1.0)
        before = 0
        for capacity in (step * 10**power for power in range(20) for step in SERIES):
            if capacity >= least and before < most:
                yield capacity
            before = capacity
