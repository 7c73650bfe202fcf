"""What texts are to a model, kept so that it need not be made again: the token ids of segments of prompts.

A text is looked up by itself. The hash of Python's dictionaries is the hint, keyed anew in each process, and equality
of the whole text the proof. The namespace is part of the name: what one tenant has sent is not there for another, not
even in the time that it takes (promise s04).
"""

from __future__ import annotations

from collections import OrderedDict
from sys import getsizeof

from everwarm.core.eviction import Ranking

OVERHEAD = 200
"""Bytes of memory for an entry besides its text and what is kept of it: measured, rounded up."""


class Representations:
    """Bounded in bytes. When they are full, the namespace that holds most loses what it used least recently, so that
    one which holds no more than its equal share loses nothing for another's sake (promise s07).

    Not for several threads at a time.
    """

    def __init__(self, limit: int) -> None:
        """``limit``: bytes, of all namespaces together."""
        self.limit = limit
        self.held = 0
        self._spaces: dict[str, OrderedDict[str, bytes]] = {}
        self._bytes: dict[str, int] = {}  # what each namespace holds
        self._ranking = Ranking()

    def get(self, space: str, text: str) -> bytes | None:
        """What is kept of ``text`` for the namespace; None if nothing is."""
        kept = self._spaces.get(space)
        value = None if kept is None else kept.get(text)
        if kept is not None and value is not None:
            kept.move_to_end(text)
        return value

    def keep(self, space: str, text: str, value: bytes) -> None:
        """Keep ``value`` for ``text``, unless it is larger than all that there is room for."""
        if (size := _size(text, value)) > self.limit:
            return
        kept = self._spaces.setdefault(space, OrderedDict())
        if (old := kept.pop(text, None)) is not None:
            self._count(space, -_size(text, old))
        kept[text] = value
        self._count(space, size)
        while self.held > self.limit:
            self._let_go(self._ranking.largest())

    def check_integrity(self) -> None:
        """Raises ``AssertionError`` if what is held is not what was counted."""
        sizes = {space: sum(_size(*entry) for entry in kept.items()) for space, kept in self._spaces.items()}
        assert sizes == self._bytes
        assert self.held == sum(sizes.values()) <= self.limit

    def _let_go(self, space: str) -> None:
        kept = self._spaces[space]
        self._count(space, -_size(*kept.popitem(last=False)))
        if not kept:
            del self._spaces[space], self._bytes[space]
            self._ranking.forget(space)

    def _count(self, space: str, size: int) -> None:
        self.held += size
        self._bytes[space] = self._bytes.get(space, 0) + size
        self._ranking.set(space, self._bytes[space])


def _size(text: str, value: bytes) -> int:
    return getsizeof(text) + len(value) + OVERHEAD
