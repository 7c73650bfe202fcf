"""Which requests are looked at closely: all of a row's first ones, then a sample, and more after something new.

What is found in a sample is as good as what is found in all, and costs an eighth. It is taken by counting, so that the
same requests give the same findings.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

FIRST: Final = 200
"""Requests of a row that are all looked at."""

EACH: Final = 8
"""After them: one in so many."""

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
        return 0 if count.passed % EACH else EACH

    def again(self, row: Row) -> None:
        """Something new was learned of it. As many of the next ones are looked at as were in the sample since the last
        time, if any were: where each request is new, that is not all of them, nor none."""
        count = self._rows.get(row)
        if count is not None and not count.all and count.passed >= EACH:
            count.all, count.passed = min(AGAIN, count.passed // EACH), count.passed % EACH


class _Count:
    """``all``: how many more are all looked at. ``passed``: since then, how many came."""

    __slots__ = ("all", "passed")

    def __init__(self) -> None:
        self.all = FIRST
        self.passed = 0
