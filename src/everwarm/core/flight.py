"""Single-flight: of those who ask the same at the same time, one call serves all. State only; tasks live in the shell.

A flight belongs to nobody: whoever is first merely starts it. It is given up when, and only when, the last one who
waits for it has left; so a leader that disconnects hands over by leaving.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from everwarm.errors import Bug

K = TypeVar("K", bound=Hashable)


@dataclass(eq=False, slots=True)
class Flight(Generic[K]):
    """One call under way. ``aboard`` counts who waits for it; it is open to others while it stands in ``Flights``."""

    key: K | None  # None: asked for alone, nobody joins
    aboard: int = field(default=1)


class Flights(Generic[K]):
    """All open flights, by key. Keys compare by equality, so nothing here depends on a hash."""

    def __init__(self) -> None:
        self._open: dict[K, Flight[K]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def board(self, key: K) -> tuple[Flight[K], bool]:
        """The flight for ``key`` and whether it is new: then the caller must start the call."""
        flight = self._open.get(key)
        if flight is not None:
            flight.aboard += 1
            return flight, False
        self._open[key] = flight = Flight(key)
        return flight, True

    def supersede(self, key: K) -> None:
        """Nobody joins the flight for ``key`` any more, if there is one; those aboard stay aboard."""
        self._open.pop(key, None)

    def leave(self, flight: Flight[K]) -> bool:
        """One who waited is gone or served. True: it was the last, and a call still under way must be given up."""
        if flight.aboard < 1:
            raise Bug("More have left a flight than were aboard.")
        flight.aboard -= 1
        if flight.aboard == 0:
            self.land(flight)
        return flight.aboard == 0

    def land(self, flight: Flight[K]) -> None:
        """The call has ended: nobody joins it any more."""
        if flight.key is not None and self._open.get(flight.key) is flight:
            del self._open[flight.key]

    def check_integrity(self) -> None:
        """Every open flight has somebody aboard and stands under its own key."""
        for key, flight in self._open.items():
            if flight.key != key or flight.aboard < 1:
                raise Bug("An open flight is empty or stands under another key.")
