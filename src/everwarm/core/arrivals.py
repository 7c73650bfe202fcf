"""How long a stream waits between its requests, and which lifetime of a cache entry that makes the cheapest."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from math import inf, isfinite
from typing import Final, NamedTuple

from everwarm.core.rules import Rule, Ttl

REMEMBERED: Final = 64
"""Gaps; the oldest go first, so that a new habit is followed within a few dozen requests."""

PRIOR: Final = (inf, 30.0, 30.0, 30.0)
"""What is assumed before anything is known, in seconds: that most requests follow soon. It speaks for the shorter
lifetime, and for a mark."""


class Arrivals(NamedTuple):
    """The last gaps between requests that could have read from each other's entries.

    One for a stream as a whole, for what is the same in all its conversations; one for the gaps within conversations,
    each of which begins with one that is ``inf``: where most are never gone on with, no mark at their end pays.
    """

    gaps: tuple[float, ...] = ()

    def note(self, gap: float) -> Arrivals:
        """With one more gap, in seconds; ``inf`` where nothing came before."""
        return Arrivals((*self.gaps[1 - REMEMBERED :], max(gap, 0.0)))

    def dump(self) -> list[float | None]:
        """For a note: the gaps, to a millisecond; None for ``inf``."""
        return [round(gap, 3) if isfinite(gap) else None for gap in self.gaps]

    @classmethod
    def load(cls, value: Iterable[float | None]) -> Arrivals:
        """What ``dump`` gave. Raises ``TypeError`` or ``ValueError`` if it is none."""
        gaps = tuple(inf if gap is None else float(gap) for gap in value)
        if not all(gap >= 0 for gap in gaps):
            raise ValueError("a gap is no negative number")
        return cls(gaps[-REMEMBERED:])

    def choose(self, rule: Rule, tokens: int) -> str | None:
        """The name of the lifetime that would have been the cheapest for a prefix of so many tokens; the shorter of two
        that cost the same. None if no mark is cheaper, as it is for a prefix under the minimum."""
        if tokens < rule.minimum:
            return None
        costs = {ttl.name: self.cost(rule, ttl) for ttl in rule.ttls}
        best = min(costs, key=costs.__getitem__, default=None)
        return best if best is not None and costs[best] < 1.0 else None

    def cost(self, rule: Rule, ttl: Ttl) -> float:
        """Of a token and request on average, in prices of an uncached token: the gaps one after another, each one
        followed by a read if the entry still lives, and by a write if not."""
        spent, left = 0.0, 0.0
        for gap in chain(PRIOR, self.gaps):
            alive = gap < left
            spent += rule.read_factor if alive else ttl.write_factor
            left = left - gap if alive and not rule.refreshes else float(ttl.seconds)
        return spent / (len(PRIOR) + len(self.gaps))
