"""Which requests are looked at closely: all of a row's first ones, then a sample, and more after something new.

What is found in a sample is as good as what is found in all, and costs an eighth. Where nothing new was learned for
long it grows thinner. It is taken by counting, so that the same requests give the same findings.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

FIRST: Final = 200
"""Requests of a row that are all looked at."""

EACH: Final = 8
"""After them: one in so many."""

ENOUGH: Final = 200
"""Of a sample: after so many that brought nothing new, half as many are looked at."""

SELDOM: Final = 64
"""One in so many is looked at in any case."""

AGAIN: Final = 64
"""Requests that are all looked at after something new was learned, at most."""

ROWS: Final = 10_000
"""Rows whose place is remembered. One that is forgotten begins anew."""

Row = tuple[str, ...]
"""What requests of one kind have in common."""


class Looks:
    """How far each row has come; the ones used longest ago are forgotten first."""

    def __init__(self, most: int = ROWS) -> None:
        self._most = most
        self._rows: OrderedDict[Row, _Count] = OrderedDict()

    def weight(self, row: Row) -> int:
        """Of the next request of this row: for how many it stands; 0 if it is not looked at."""
        count = self._rows.get(row)
        if count is None:
            count = self._rows[row] = _Count()
            if len(self._rows) > self._most:
                self._rows.popitem(last=False)
        else:
            self._rows.move_to_end(row)
        if count.all:
            count.all -= 1
            return 1
        count.passed += 1
        if count.passed < count.each:
            return 0
        return count.looked_at()

    def again(self, row: Row) -> None:
        """Something new was learned of it. As many of the next ones are looked at as were in the sample since the last
        time, if any were: where each request is new, that is not all of them, nor none."""
        count = self._rows.get(row)
        if count is not None and not count.all and count.looked:
            self._rows[row] = _Count(min(AGAIN, count.looked), count.passed)


class _Count:
    """``all``: how many more are all looked at; then one in ``each``. ``passed``: how many came since the last one of
    the sample, and ``looked``: how many were in it."""

    __slots__ = ("all", "each", "looked", "passed")

    def __init__(self, number: int = FIRST, passed: int = 0) -> None:
        self.all = number
        self.each = EACH
        self.passed, self.looked = passed, 0

    def looked_at(self) -> int:
        """The next of the sample has come; for how many it stands."""
        weight, self.passed = self.passed, 0
        self.looked += 1
        if self.looked % ENOUGH == 0:
            self.each = min(2 * self.each, SELDOM)
        return weight
