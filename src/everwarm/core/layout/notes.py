"""What the layout engine must remember beyond one request: the contract, and the simplest thing that keeps it.

A note is bytes under a name, of one namespace and one kind. It is a matter of savings, never of right and wrong: a note
that is lost costs a provider's cache some tokens.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, Literal, Protocol, get_args

NoteKind = Literal["stream", "turn", "spelling", "order", "calibration"]
"""stream: what a stream of requests has in common. turn: what was put at the end of a turn. spelling: the form in which
a value was seen first. order: the order in which tools were seen first. calibration: how many tokens a model's texts
have."""


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

    def drop(self, space: str) -> None:
        """Forget all of a namespace."""
        ...


OVERHEAD: Final = 200
"""Bytes of memory for a note besides its name and its value."""

Place = tuple[str, NoteKind, bytes]
"""Of a note: its namespace, its kind, its name."""


class MemoryNotes:
    """Notes of one process, gone when it ends."""

    def __init__(self, limit: int = 16 * 2**20) -> None:
        """``limit``: bytes, of all namespaces together."""
        self._limit = limit
        self._held = 0
        self._kept: OrderedDict[Place, bytes] = OrderedDict()
        self._names: dict[tuple[str, NoteKind], dict[bytes, None]] = {}  # what there is of each kind, by namespace

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
        self._names.setdefault((space, kind), {})[name] = None
        self._held += _weight(place, value)
        while self._held > self._limit and len(self._kept) > 1:
            self._forget(next(iter(self._kept)))

    def all(self, space: str, kind: NoteKind) -> Mapping[bytes, bytes]:
        """See ``Notes``."""
        return {name: self._kept[space, kind, name] for name in self._names.get((space, kind), ())}

    def drop(self, space: str) -> None:
        """See ``Notes``."""
        for kind in get_args(NoteKind):
            for name in list(self._names.get((space, kind), ())):
                self._forget((space, kind, name))

    def check_integrity(self) -> None:
        """Raises ``AssertionError`` if the sum of what is held, or the lists of names, are wrong."""
        assert self._held == sum(_weight(place, value) for place, value in self._kept.items())
        assert self._kept.keys() == {(*of, name) for of, names in self._names.items() for name in names}
        assert all(self._names.values())

    def _forget(self, place: Place) -> None:
        value = self._kept.pop(place, None)
        if value is None:
            return
        self._held -= _weight(place, value)
        space, kind, name = place
        names = self._names[space, kind]
        del names[name]
        if not names:
            del self._names[space, kind]


class Unwritten:
    """Notes of requests of which nothing may rest on disk: they see what is kept below, and what they keep and change
    themselves stays in memory, for as long as this process lives."""

    def __init__(self, below: Notes, limit: int = 4 * 2**20) -> None:
        """``limit``: bytes of memory, of all namespaces together."""
        self._below = below
        self._own = MemoryNotes(limit)

    def get(self, space: str, kind: NoteKind, name: bytes) -> bytes | None:
        """See ``Notes``."""
        own = self._own.get(space, kind, name)
        return own if own is not None else self._below.get(space, kind, name)

    def keep(self, space: str, kind: NoteKind, name: bytes, value: bytes) -> bytes:
        """See ``Notes``."""
        kept = self.get(space, kind, name)
        return kept if kept is not None else self._own.keep(space, kind, name, value)

    def put(self, space: str, kind: NoteKind, name: bytes, value: bytes) -> None:
        """See ``Notes``."""
        self._own.put(space, kind, name, value)

    def all(self, space: str, kind: NoteKind) -> Mapping[bytes, bytes]:
        """See ``Notes``."""
        return {**self._below.all(space, kind), **self._own.all(space, kind)}

    def drop(self, space: str) -> None:
        """Forget what is above; whoever owns what is below drops that."""
        self._own.drop(space)


def _weight(place: Place, value: bytes) -> int:
    return len(place[2]) + len(value) + OVERHEAD
