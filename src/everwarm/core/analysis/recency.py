"""In which order blocks were last used: what a cache of any size holds that lets go of what was not used longest.

Of a request the last block counts as used first, and the first as used last. So no block goes before those that follow
it, and a cache of ``n`` blocks holds the ``n`` used last, whatever ``n`` is: where a block stands in this order says
which caches have it (Mattson's stack distance). A prefix never has a gap, as a block stands behind its parent.

What a request used, and nobody since, is the end of its row. So the order is a row of *stretches*, one a request, and a
request moves a few stretches, not all its blocks.
"""

from __future__ import annotations

from array import array
from itertools import repeat
from typing import Final

from everwarm.core.analysis.runs import Paths

FEWEST: Final = 4096
"""Stretches that there is room for at least."""

SHIFT: Final = 6
SPAN: Final = (1 << SHIFT) - 1
"""Sums are kept of 64 neighbours each, of 64 such, and so on: to add or to sum up touches a few short rows."""


Found = tuple[int, int, float]
"""Blocks of a request that follow one another and were used together before: how many; how many blocks were used after
the first of them, so that a cache that holds one more has it; and seconds since they were used."""


class Recency:
    """Of the blocks of all rows, of which none is added any more. At most 40 bytes a node."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._last = array("I", bytes(4 * len(paths)))  # the stretch of a node; 0: it was not used yet
        self._make([0], [0.0])

    def use(self, end: int, at: float) -> list[Found]:
        """What was known of the row that ends with this node, the beginning first; then all of it is used anew."""
        if self._next == self._room:
            self._compact()
        stretch = self._next
        known, blocks = self._move(end, stretch)
        found = [(n, self._above(each), at - self._times[each]) for each, n in known]
        for each, n in known:
            self._add(each, -n)
        self._add(stretch, blocks)
        self._times.append(at)
        self._next += 1
        return found

    def _move(self, node: int, stretch: int) -> tuple[list[tuple[int, int]], int]:
        """Put a row that ends with this node into a stretch. Those that its blocks were in, the beginning first, with
        how many each gives; and how many the row has."""
        parent, length, last = self._paths.parent, self._paths.length, self._last
        known: list[tuple[int, int]] = []
        before = given = blocks = 0
        while size := length[node]:
            was = last[node]
            last[node] = stretch
            blocks += size
            if was == before:
                given += size
            else:
                if before:
                    known.append((before, given))
                before, given = was, size
            node = parent[node]
        if before:
            known.append((before, given))
        known.reverse()
        return known, blocks

    def _above(self, stretch: int) -> int:
        """Blocks of all later stretches."""
        total, end, level = 0, self._next, 0
        while (above := (stretch | SPAN) + 1) < end:  # else none are behind these, as on the last level
            total += sum(self._levels[level][stretch + 1 : above])
            stretch >>= SHIFT
            end = ((end - 1) >> SHIFT) + 1
            level += 1
        return total + sum(self._levels[level][stretch + 1 : end])

    def _add(self, stretch: int, blocks: int) -> None:
        for sums in self._levels:
            sums[stretch] += blocks
            stretch >>= SHIFT

    def _compact(self) -> None:
        """Forget the stretches of which nothing is left."""
        counts = self._levels[0]
        stays = [0, *(each for each in range(1, self._next) if counts[each])]
        number = dict(zip(stays, range(len(stays)), strict=True))
        self._last = array("I", map(number.__getitem__, self._last))
        self._make([counts[each] for each in stays], [self._times[each] for each in stays])

    def _make(self, counts: list[int], times: list[float]) -> None:
        """Room for as many stretches again as there are nodes, so that it is made anew seldom."""
        self._next = len(counts)
        self._room = len(counts) + max(FEWEST, len(self._last))
        self._times = array("d", times)
        sums = [*counts, *repeat(0, self._room - len(counts))]  # small numbers: 8 bytes each
        self._levels = [sums]
        while len(sums) > SPAN + 1:
            sums = [sum(sums[at : at + SPAN + 1]) for at in range(0, len(sums), SPAN + 1)]
            self._levels.append(sums)
