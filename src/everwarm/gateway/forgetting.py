"""What was learned from a namespace's prompts is forgotten: by the process that is told to, and by all others.

told to forget -> memory, engine, notes -> layout.db ── each other process looks there ──> its memory, its engine
"""

from __future__ import annotations

from everwarm.gateway.arrange import Arranger
from everwarm.gateway.house import House
from everwarm.store.notes import DiskNotes


def forget(house: House, space: str) -> None:
    """Here, and in the notes. It waits for what is under way, so it is not for the event loop."""
    house.counter.forget(space)
    house.arranger.forget(space)


def follow(house: House, notes: DiskNotes) -> None:
    """From now on forget what other processes of the same server forget, within a second. An engine that is just at
    work ends that with what it knew: it gets no other work, and is gone then."""

    def forgotten(space: str) -> None:
        house.arranger = Arranger(notes)
        house.counter.unlearn(space)

    notes.follow(forgotten)
