"""What one process knows by sight: whatever equals what it has looked at before need not be looked at again."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST: Final = 8 * 2**20
"""Characters, or bytes, of what is known by sight."""

LONGEST: Final = 2**18
"""Of one thing: what is longer is looked at each time."""


class Sights(Generic[T]):
    """The last things that were looked at, each with what was seen. Equality is the proof: no digests."""

    def __init__(self, most: int = MOST) -> None:
        """``most``: their sizes together; up to half of that may have been forgotten."""
        self._half = most // 2
        self._new: dict[Hashable, T] = {}
        self._old: dict[Hashable, T] = {}
        self._held = 0

    def get(self, thing: Hashable) -> T | None:
        """What was seen of it; None if it is not known."""
        found = self._new.get(thing)
        return found if found is not None else self._old.get(thing)

    def put(self, thing: Hashable, size: int, seen: T) -> None:
        """Know it from now on."""
        if size > LONGEST:
            return
        self._held += size
        if self._held > self._half:
            self._old, self._new, self._held = self._new, {}, size
        self._new[thing] = seen
