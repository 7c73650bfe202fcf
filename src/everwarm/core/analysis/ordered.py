"""Blocks in the order of their texts, however many there are: of requests that say one thing each, all of a log's."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from everwarm.core.analysis.block import Block

MOST: Final = 1024
"""Blocks of one stretch; of more two are made. So to put one in takes no longer than to find its place."""


class Ordered:
    """By their numbers; each is put in once."""

    def __init__(self, blocks: Sequence[Block], most: int = MOST) -> None:
        """``blocks``: those of a log by their numbers."""
        self._blocks = blocks
        self._most = most
        self._rows: list[list[int]] = []  # stretches, one after the other; none is empty
        self._begins: list[str] = []  # the first text of each

    def put(self, number: int) -> None:
        """A block that it does not have."""
        text = self._blocks[number].text
        n = max(bisect_right(self._begins, text) - 1, 0)
        if not self._rows:
            self._rows, self._begins = [[]], [text]
        row = self._rows[n]
        row.insert(self._place(row, text), number)
        self._begins[n] = self._blocks[row[0]].text
        if len(row) > self._most:
            half = len(row) // 2
            self._rows[n : n + 1] = row[:half], row[half:]
            self._begins.insert(n + 1, self._blocks[row[half]].text)

    def near(self, text: str) -> list[int]:
        """The last one before this text, and the first one that is this text or comes after it, where there are any.
        One of both has most in common with it at the beginning, of all."""
        n = bisect_right(self._begins, text) - 1
        if n < 0:
            return [self._rows[0][0]] if self._rows else []
        row = self._rows[n]
        at = self._place(row, text)
        found = row[max(at - 1, 0) : at + 1]
        if at == 0 and n:
            found.insert(0, self._rows[n - 1][-1])
        if at == len(row) and n + 1 < len(self._rows):
            found.append(self._rows[n + 1][0])
        return found

    def _place(self, row: Sequence[int], text: str) -> int:
        blocks = self._blocks
        return bisect_left(row, text, key=lambda number: blocks[number].text)
