"""Whose entries go when a store is full: what each namespace is guaranteed, and who is furthest above it.

A store has a bound. A namespace may have a *floor*: bytes that nobody else can push it below. What the floors leave is
shared equally, so

    share of a namespace = its floor + (bound - all floors) / number of namespaces that hold something

Nobody is kept from using more while there is room. When the bound is passed, the namespace with the largest *excess*
(what it holds - its floor) loses its least recently used entry, and so on until the rest fits. Then who holds no more
than its share never loses anything for another's sake: the excesses of all together are more than what the floors
leave, so the largest of them is more than an equal part of it (promise s07).

If the floors together are more than the bound no rule can keep them; then all are pushed below theirs about equally.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

ROOM = 1000  # entries of the heap that may be out of date before it is made anew


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes of one namespace in one store."""

    floor: int = 0  # guaranteed
    cap: int | None = None  # never more than this; None: no more than the bound of all

    def __post_init__(self) -> None:
        if self.floor < 0 or (self.cap is not None and self.cap < self.floor):
            raise ValueError(f"a floor of {self.floor} bytes does not fit a cap of {self.cap}")

    def part(self, of: int, whole: int) -> Quota:
        """The same quota in a store whose bound is ``of``, where it was meant for a bound of ``whole``."""
        cap = None if self.cap is None else self.cap * of // whole
        return Quota(self.floor * of // whole, cap)


NO_QUOTA = Quota()


def excess(held: int, quota: Quota) -> int:
    """How far a namespace is above what it is guaranteed, in bytes. Negative: it has more to come."""
    return held - quota.floor


class Ranking:
    """Names by a number, the largest first; equal ones by name. All calls cost O(log n) at most, over time.

    ``set`` only notes the change: while nothing has to go, nobody asks for the largest, and nothing is sorted.
    """

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._changed: set[str] = set()
        self._heap: list[tuple[int, str]] = []  # (-number, name); out of date if it is not the number now

    def set(self, name: str, number: int) -> None:
        self._number[name] = number
        self._changed.add(name)

    def forget(self, name: str) -> None:
        """Nothing if it is not there."""
        self._number.pop(name, None)

    def largest(self) -> str:
        """Raises IndexError if there is none."""
        for name in self._changed:
            if name in self._number:
                heapq.heappush(self._heap, (-self._number[name], name))
        self._changed.clear()
        if len(self._heap) > 2 * len(self._number) + ROOM:
            self._heap = [(-number, name) for name, number in self._number.items()]
            heapq.heapify(self._heap)
        while self._number.get(self._heap[0][1]) != -self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][1]

    def __len__(self) -> int:
        return len(self._number)

    def __getitem__(self, name: str) -> int:
        return self._number[name]
