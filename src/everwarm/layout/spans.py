"""The places of a stream's system prompt where its requests differ, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from everwarm.core.layout.finding import Mode
from everwarm.core.layout.slots import Slot
from everwarm.core.layout.stream import WORTH, Stream


class Span(NamedTuple):
    """One place."""

    slot: Slot
    fate: str  # where its value goes, and why


def spans_of(stream: Stream, mode: Mode) -> Iterator[Span]:
    """In the order in which they stand in the prompt."""
    behind = [sum(map(len, stream.template.literals[place:])) for place in range(1, len(stream.slots) + 1)]
    return (Span(slot, _fate(slot, rest, mode)) for slot, rest in zip(stream.slots, behind, strict=True))


def _fate(slot: Slot, behind: int, mode: Mode) -> str:
    if slot.moved:
        return "moves to the turn" if mode == "rewrite" else "would move"
    if not slot.proven:
        return "stays: not proven to change"
    if slot.stability != "dynamic" and behind < WORTH:
        return "stays: too little text behind it"
    return "stays: in code or a schema, or over several parts"


def lasting(slot: Slot) -> str:
    """How long its values last."""
    return {"dynamic": "a request", "session": "a conversation", "static": "one value so far"}[slot.stability]


def changes(slot: Slot) -> str:
    """How often it changed: within conversations where any went on, else from one to the next."""
    seen, where = (slot.within, "within") if slot.within.of else (slot.between, "between")
    return f"{seen.times:,} of {seen.of:,} {where}" if seen.of else ""
