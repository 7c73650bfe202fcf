"""Memory of bytes that were understood before: clients repeat themselves to the letter more often than not.

What is seen for the first time is only noted: most of what never comes again costs no more than that.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

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


class Memo(Generic[V]):
    """The last values, by name (equality, not a digest); at most ``limit`` bytes of memory."""

    def __init__(self, limit: int = BYTES) -> None:
        self._limit = limit
        self._held = 0
        self._kept: OrderedDict[Name, V] = OrderedDict()
        self._seen: set[int] = set()  # hashes of names that came once; one that stands there by chance does no harm

    def get(self, name: Name) -> V | None:
        """What was kept under this name."""
        value = self._kept.get(name)
        if value is not None:
            self._kept.move_to_end(name)
        return value

    def keep(self, name: Name, value: V) -> None:
        """Remember it if it comes again, and forget what was used least recently. Large bodies are not worth the
        room."""
        data = name[-1]
        if len(data) > LARGEST or not self._comes_again(hash(name)):
            return
        if name not in self._kept:
            self._held += weight(data)
        self._kept[name] = value
        while self._held > self._limit:
            (*_, old), _ = self._kept.popitem(last=False)
            self._held -= weight(old)

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


def weight(data: bytes) -> int:
    """Bytes of memory for what is kept of a body."""
    return WEIGHT * len(data) + OVERHEAD
