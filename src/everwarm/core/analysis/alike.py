"""What two blocks have in common, of which one stands where the other stood."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Final, NamedTuple

from everwarm.core.analysis.block import Block
from everwarm.core.analysis.meanings import mean_the_same
from everwarm.core.common_prefix import common_prefix, common_suffix

_LINE: Final = 12
"""Characters of a line that is long enough to be known again."""


class Alike(NamedTuple):
    """In characters of the newer one's size."""

    first: int  # as they begin
    last: int  # as they end, without what is counted in ``first``
    lines: int  # in between: whole lines that both have, in whatever order; not counted where they are the ``same``
    same: bool  # whether they mean the same, spelled otherwise: JSON with its keys in another order

    def of(self, size: int) -> int:
        """Characters of the newer one, which has so many, that the older one had as well."""
        return size if self.same else min(self.first + self.last + self.lines, size)


def again(old: Block, new: Block) -> int:
    """Characters of the newer one that the older one had as well."""
    return alike(old, new).of(new.size)


@lru_cache(maxsize=4096)
def alike(old: Block, new: Block) -> Alike:
    """Never more than the shorter of the two has."""
    before, after = old.text, new.text
    first = common_prefix(before, after)
    before, after = before[first:], after[first:]
    last = common_suffix(before, after)
    if mean_the_same(old, new):
        return Alike(first, last, 0, True)
    return Alike(first, last, _lines(before[: len(before) - last], after[: len(after) - last]), False)


def _lines(old: str, new: str) -> int:
    """Characters of the lines of the newer text that the older one has as well; short ones are everywhere."""
    if min(len(old), len(new)) < _LINE:
        return 0
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    known = set(before)
    both = [line for line in after if line in known and len(line) >= _LINE]
    if len(set(both)) < len(both):  # of one that is there several times, as many count as the older text has
        return sum(map(len, (Counter(both) & Counter(before)).elements()))
    return sum(map(len, both))
