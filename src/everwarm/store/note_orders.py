"""What the notes' writer thread is told to do."""

from __future__ import annotations

from dataclasses import dataclass

from everwarm.core.layout.notes import Place


@dataclass(eq=False, slots=True)
class Write:
    """Keep ``value``. ``first``: only if there is none; then what is there comes back in ``value``."""

    place: Place
    value: bytes
    first: bool


@dataclass(eq=False, slots=True)
class Drop:
    """Forget all of a namespace."""

    space: str


@dataclass(eq=False, slots=True)
class Purge:
    """Delete a row whose seal does not fit."""

    id: int


@dataclass(eq=False, slots=True)
class Wake:
    """Nothing but what every transaction does: uses and bounds."""


Order = Write | Drop | Purge | Wake
