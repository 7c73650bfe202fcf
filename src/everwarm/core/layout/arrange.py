"""From a request as it came to a request as it goes out: the one door to the layout engine."""

from __future__ import annotations

from everwarm.core.layout.finding import Arranged, Wishes
from everwarm.core.layout.notes import Notes


class Layout:
    """Learns from the requests that pass, and arranges them. One for all namespaces, which learn nothing of each
    other. Not for several threads at a time."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def arrange(self, space: str, dialect: str, model: str, data: bytes, wishes: Wishes, now: float) -> Arranged:
        """The body ``data`` of a request in ``dialect`` (a name of the registry), of the namespace ``space``.

        ``now``: seconds since 1970. Never raises for a body that an upstream might understand: what is not understood
        goes out as it came.
        """
        return Arranged(data)
