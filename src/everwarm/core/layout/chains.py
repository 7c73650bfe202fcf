"""How much of a request was there before, but for the values that change.

A request is a row of elements in rendered order. Each prefix of the row has a hash; those that were seen are kept, in
bounded memory. The hashes are Python's own (64 bits, another key in each process): quick, and good enough
to count with.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from everwarm.core.layout.slots import Slot


class Element(NamedTuple):
    """One stretch of a request. ``slot``: it is a value that changes."""

    text: str
    slot: Slot | None = None


class Measure(NamedTuple):
    """In characters."""

    could: int  # of the longest prefix that was there before, but for the values of slots
    total: int
    before: tuple[int, ...]  # for each slot, in order: characters in front of it that are no slot's


class Seen:
    """Hashes that were seen of late: at least ``least`` of them, at most twice as many."""

    def __init__(self, least: int = 50_000) -> None:
        self._least = least
        self._new: set[int] = set()
        self._old: set[int] = set()

    def __contains__(self, item: int) -> bool:
        return item in self._new or item in self._old

    def add(self, item: int) -> None:
        """Keep it, also if it was kept."""
        self._new.add(item)
        if len(self._new) >= self._least:
            self._old, self._new = self._new, set()


def unmeasured(total: int, slots: int) -> Measure:
    """Of a request that is not looked at closely: its length alone."""
    return Measure(0, total, (0,) * slots)


def measure(seen: Seen, seed: tuple[str, str], elements: Iterable[Element]) -> Measure:
    """What was there before, of the same ``seed`` (namespace and stream); and remember these."""
    at = hash(seed)
    could = total = plain = 0
    before = []
    for text, slot in elements:
        total += len(text)
        if slot is not None:
            before.append(plain)
            continue
        plain += len(text)
        at = hash((at, text))
        if at in seen:
            could = plain
        seen.add(at)
    return Measure(could, total, tuple(before))
