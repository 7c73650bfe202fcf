"""What the layout engine must remember beyond one request: the contract, and the simplest thing that keeps it.

A note is bytes under a name, of one namespace and one kind. It is a matter of savings, never of right and wrong: a note
that is lost costs a provider's cache some tokens.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, Literal, Protocol

NoteKind = Literal["stream", "turn", "spelling", "order"]
"""stream: what a stream of requests has in common. turn: what was put at the end of a turn. spelling: the form in which
a value was seen first. order: the order in which tools were seen first."""


class Notes(Protocol):
    """Bounded in bytes; what was used least recently goes first. Namespaces never see each other's."""

    def get(self, space: str, kind: NoteKind, name: bytes) -> bytes | None:
        """What is kept under this name; None if nothing is."""
        ...

    def keep(self, space: str, kind: NoteKind, name: bytes, value: bytes) -> bytes:
        """Keep ``value`` unless something is kept there already; what is kept now. The first one stays."""
        ...

    def put(self, space: str, kind: NoteKind, name: bytes, value: bytes) -> None:
        """Keep ``value`` in place of what was there."""
        ...

    def all(self, space: str, kind: NoteKind) -> Mapping[bytes, bytes]:
        """All of one kind. Meant for streams, of which there are few."""
        ...


OVERHEAD: Final = 200
"""Bytes of memory for a note besides its name and its value."""

_Name = tuple[str, NoteKind, bytes]


class MemoryNotes:
    """Notes of one process, gone when it ends."""

    def __init__(self, limit: int = 16 * 2**20) -> None:
        """``limit``: bytes, of all namespaces together."""
        self._limit = limit
        self._held = 0
        self._kept: OrderedDict[_Name, bytes] = OrderedDict()

    def get(self, space: str, kind: NoteKind, name: bytes) -> bytes | None:
        """See ``Notes``."""
        value = self._kept.get((space, kind, name))
        if value is not None:
            self._kept.move_to_end((space, kind, name))
        return value

    def keep(self, space: str, kind: NoteKind, name: bytes, value: bytes) -> bytes:
        """See ``Notes``."""
        kept = self.get(space, kind, name)
        if kept is not None:
            return kept
        self.put(space, kind, name, value)
        return value

    def put(self, space: str, kind: NoteKind, name: bytes, value: bytes) -> None:
        """See ``Notes``."""
        place = (space, kind, name)
        self._forget(place)
        self._kept[place] = value
        self._held += _weight(place, value)
        while self._held > self._limit and len(self._kept) > 1:
            self._forget(next(iter(self._kept)))

    def all(self, space: str, kind: NoteKind) -> Mapping[bytes, bytes]:
        """See ``Notes``."""
        return {name: value for (s, k, name), value in self._kept.items() if s == space and k == kind}

    def check_integrity(self) -> None:
        """Raises ``AssertionError`` if the sum of what is held is wrong."""
        assert self._held == sum(_weight(place, value) for place, value in self._kept.items())

    def _forget(self, place: _Name) -> None:
        value = self._kept.pop(place, None)
        if value is not None:
            self._held -= _weight(place, value)


def _weight(place: _Name, value: bytes) -> int:
    return len(place[2]) + len(value) + OVERHEAD
