"""Values that leave the system prompt: which ones may, and the system prompt without them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.objects import objects
from everwarm.core.layout.piece import Path, Piece
from everwarm.core.layout.slots import Slot
from everwarm.core.layout.stream import WORTH, spans
from everwarm.core.layout.streams import SEAM, Reading

LONGEST: Final = 64 * 1024
"""Characters of a value that is moved."""

SCHEMA: Final = frozenset({"$schema", "properties", "anyOf", "oneOf", "allOf", "$defs"})
"""Members by which an object in a text is taken for a JSON schema: there order and place are meaning."""


class Move(NamedTuple):
    """A value and where it stood."""

    slot: Slot
    value: str
    piece: Piece
    start: int  # in characters of the piece's text
    end: int


def places(reading: Reading, pieces: Sequence[Piece]) -> Iterator[Move]:
    """Each slot's value, in the piece that holds it; not those that reach over more than one piece."""
    system = [p for p in pieces if p.tier == "system"]
    starts, at = [], 0
    for piece in system:
        starts.append(at)
        at += len(piece.text) + len(SEAM)
    found = spans(reading.stream.template, reading.values)
    for slot, value, (start, end) in zip(reading.stream.slots, reading.values, found, strict=True):
        if SEAM[1] not in value:
            which = max(i for i, s in enumerate(starts) if s <= start)
            move = Move(slot, value, system[which], start - starts[which], end - starts[which])
            slot.stand(move.piece.path, move.start, move.end)
            yield move


def decide(reading: Reading, move: Move) -> bool:
    """Whether this value's place is moved from now on: it is proven to change, and something is gained by it."""
    slot = move.slot
    if slot.moved or not slot.proven:
        return slot.moved
    index = next(i for i, s in enumerate(reading.stream.slots) if s is slot)
    behind = sum(map(len, reading.stream.template.literals[index + 1 :]))
    slot.moved = (slot.stability == "dynamic" or behind >= WORTH) and not _is_meant(move)
    return slot.moved


def movable(move: Move, wishes: Wishes) -> bool:
    """Whether this very value may be moved."""
    if move.piece.kind != "text" or not move.value.strip() or len(move.value) > LONGEST:
        return False
    around = wishes.block.replace("{name}", "").split("{value}")
    if any(part.strip() and part.strip() in move.value for part in around):
        return False  # it would not be found again between other blocks
    return not any(_pattern(p).search(move.value) for p in wishes.keep)


def without(moves: Sequence[Move], wishes: Wishes) -> Mapping[Path, str]:
    """The texts of all pieces that lose a value, with references in place of the values."""
    texts: dict[Path, str] = {}
    for move in sorted(moves, key=lambda m: -m.start):
        text = texts.get(move.piece.path, move.piece.text)
        reference = wishes.reference.replace("{name}", move.slot.name)
        texts[move.piece.path] = text[: move.start] + reference + text[move.end :]
    return texts


def _is_meant(move: Move) -> bool:
    """Whether it stands where place is meaning: in a block of code, or in a JSON schema."""
    text = move.piece.text
    if text.count("```", 0, move.start) % 2:
        return True
    found = objects(text, indented=True)
    return any(start <= move.start < end and SCHEMA & value.keys() for start, end, value in found)


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)
