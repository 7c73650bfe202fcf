"""The streams that one process has at hand: by namespace and kin, bounded in number and in characters.

Who is over a bound lets go of what is its own: of a kin, of a namespace, or of the namespace that holds most. There
those go first that nobody asked in for an hour, and of the others those with the fewest requests: where more programs
take turns than there is room for, most of them stay, and are not each pushed out by the next.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from everwarm.core.layout.stream import Stream

KIN: Final = 64
MOST: Final = 500
SPACES: Final = 1_000
"""Bounds: streams with the same tools and model, beside those that a user has named; of a namespace; namespaces."""

LIMIT: Final = 32 * 2**20
"""Characters that the texts of all streams have in common."""

IDLE: Final = 3600.0
"""Seconds."""


class Roster:
    """Streams of one kin are in the order of their ids, so that every process tries them in the same order."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.named: Collection[str] = ()  # ids that a user has named: kept, whatever others there are, and tried first
        self._limit = limit
        self._spaces: OrderedDict[str, dict[str, list[Stream]]] = OrderedDict()
        self._held: dict[str, int] = {}  # characters, at most

    def enter(self, space: str) -> Iterable[str]:
        """A namespace is asked for. Returns those that had to go for it, used longest ago."""
        self._spaces.setdefault(space, {})
        self._spaces.move_to_end(space)
        gone = [next(iter(self._spaces))] if len(self._spaces) > SPACES else []
        for other in gone:
            del self._spaces[other]
            self._held.pop(other, None)
        return gone

    def of(self, space: str, kin: str) -> list[Stream]:
        """Of a namespace that was entered; those that a user has named first."""
        streams = self._spaces[space].get(kin, [])
        return sorted(streams, key=lambda s: s.id not in self.named) if self.named else streams

    def all(self, space: str) -> Iterator[Stream]:
        """Of a namespace that was entered."""
        return (stream for streams in self._spaces[space].values() for stream in streams)

    def add(self, space: str, stream: Stream, now: float, *, replaces: Stream | None = None, founded: bool) -> bool:
        """A new one, or one that is known better. ``founded``: somebody is just asking in it, so that it stays.

        Returns whether there was room.
        """
        kins = self._spaces[space]
        streams = [s for s in kins.get(stream.kin, ()) if s is not replaces]
        kins[stream.kin] = sorted((*streams, stream), key=lambda s: s.id)
        self._held[space] = self._held.get(space, 0) + _size(stream)
        stays = stream if founded else None
        room = self._bound(space, kins[stream.kin], KIN, stays, now)
        room &= self._bound(space, list(self.all(space)), MOST, stays, now)
        while sum(self._held.values()) > self._limit and self._shrink(stays, now):
            room = False
        return room

    def _bound(self, space: str, streams: Collection[Stream], most: int, stays: Stream | None, now: float) -> bool:
        """Whether there are no more than ``most``; else one of them goes."""
        spare = [s for s in streams if s.id not in self.named]
        if len(spare) <= most:
            return True
        self._remove(space, _least(spare, stays, now))
        return False

    def _shrink(self, stays: Stream | None, now: float) -> bool:
        """Count again what the namespace holds that holds most; if it is as much, one of its streams goes, or of the
        next one that has any to spare. Whether less is held now."""
        for space in sorted(self._held, key=self._held.__getitem__, reverse=True):
            held = sum(map(_size, self.all(space)))
            if held < self._held[space]:
                self._held[space] = held
                return True
            spare = [s for s in self.all(space) if s is not stays and s.id not in self.named]
            if spare:
                self._remove(space, _least(spare, stays, now))
                return True
        return False

    def _remove(self, space: str, stream: Stream) -> None:
        streams = self._spaces[space][stream.kin]
        streams.remove(stream)
        if not streams:
            del self._spaces[space][stream.kin]
        self._held[space] -= _size(stream)


def _least(streams: Iterable[Stream], stays: Stream | None, now: float) -> Stream:
    """The one that is missed least."""
    others = (stream for stream in streams if stream is not stays)
    return min(others, key=lambda s: (s.asked is not None and now - s.asked < IDLE, s.requests))


def _size(stream: Stream) -> int:
    return sum(map(len, stream.template.literals))
