"""Memory of bytes that were understood before: clients repeat themselves to the letter more often than not.

What is seen for the first time is only noted: most of what never comes again costs no more than that.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

V = TypeVar("V")

Name = tuple[str, str, bytes, bytes]
"""Namespace, dialect, what else counts of the request, and the very bytes of the body."""

BYTES = 8 * 2**20
LARGEST = 256 * 2**10
WEIGHT = 3
"""What is understood of a body takes about so many times its bytes: the bytes, the canonical form, the proof."""
SEEN = 10_000
"""Names that are noted: half a megabyte."""
OVERHEAD = 1500
"""And so many bytes more, for the objects that hold them (measured: 1,150)."""

EDGE: Final = 512
"""Bytes at either end of a body by which it is looked up: to hash 60 kB takes as long as to parse a third of it."""


class Memo(Generic[V]):
    """The last values, by name; at most ``limit`` bytes of memory. A mark is the hint that finds them, equality is the
    proof. Of names with the same mark the last one is kept."""

    def __init__(self, limit: int = BYTES) -> None:
        self._limit = limit
        self._held = 0
        self._kept: OrderedDict[int, tuple[Name, V]] = OrderedDict()  # by mark
        self._seen: set[int] = set()  # marks of names that came once; one that stands there by chance does no harm

    def get(self, name: Name) -> V | None:
        """What was kept under this name."""
        mark = _mark(name)
        kept = self._kept.get(mark)
        if kept is None or kept[0] != name:
            return None
        self._kept.move_to_end(mark)
        return kept[1]

    def keep(self, name: Name, value: V) -> None:
        """Remember it if it comes again, and forget what was used least recently. Large bodies are not worth the
        room."""
        mark = _mark(name)
        if len(name[-1]) > LARGEST or not self._comes_again(mark):
            return
        self._forget(self._kept.pop(mark, None))
        self._kept[mark] = name, value
        self._held += weight(name[-1])
        while self._held > self._limit:
            self._forget(self._kept.popitem(last=False)[1])

    def _forget(self, kept: tuple[Name, V] | None) -> None:
        if kept is not None:
            self._held -= weight(kept[0][-1])

    def _comes_again(self, mark: int) -> bool:
        if mark in self._seen:
            return True
        if len(self._seen) >= SEEN:
            self._seen.clear()
        self._seen.add(mark)
        return False

    def clear(self) -> None:
        """Forget all: what was understood may be understood in another way now."""
        self._kept.clear()
        self._held = 0


def _mark(name: Name) -> int:
    *rest, data = name
    return hash((*rest, len(data), data[:EDGE], data[-EDGE:]))


def weight(data: bytes) -> int:
    """Bytes of memory for what is kept of a body."""
    return WEIGHT * len(data) + OVERHEAD
