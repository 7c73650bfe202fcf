"""Which values leave the system prompt, and which stay whatever was learned of their place."""

from __future__ import annotations

import pytest

from everwarm.core.layout.chains import unmeasured
from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.moves import LONGEST, Move, movable, places, without
from everwarm.core.layout.piece import Kind, Piece
from everwarm.core.layout.slots import Slot
from everwarm.core.layout.stream import Stream
from everwarm.core.layout.streams import SEAM, Reading
from everwarm.core.layout.template import Template

PLAIN = Wishes("rewrite")


def part(text: str, index: int = 0, kind: Kind = "text") -> Piece:
    return Piece(("system", index, "text"), "system", "system", kind, text, -1)


def move(value: str, kind: Kind = "text") -> Move:
    return Move(Slot("clock"), value, part(f"It is {value}.", kind=kind), 6, 6 + len(value))


def reading(literals: tuple[str, ...], *values: str) -> Reading:
    """What would be understood of a text with these values between these literals."""
    template = Template(literals)
    stream = Stream("0" * 16, "kin", template, [Slot(f"slot {n}") for n in range(len(values))])
    return Reading(stream, template.join(values), values, (True,) * len(values), unmeasured(0, len(values)))


def test_a_value_that_reaches_over_two_parts_stays_and_the_others_are_found_in_theirs() -> None:
    """It is text of neither part, so nothing could be put in its place."""
    read = reading(("It is ", ". Rules. Of ", " rules. For ", "."), "ten", f"ours{SEAM}and", "Mia")
    parts = [part(text, n) for n, text in enumerate(read.text.split(SEAM))]
    found = list(places(read, parts))
    assert [(m.value, m.piece.path[1], m.piece.text[m.start : m.end]) for m in found] == [
        ("ten", 0, "ten"),
        ("Mia", 1, "Mia"),
    ]
    assert dict(without(found, Wishes("rewrite", reference="<{name}>"))) == {
        parts[0].path: "It is <slot 0>. Rules. Of ours",
        parts[1].path: "and rules. For <slot 2>.",
    }


@pytest.mark.parametrize("value", ["", " \n", "x" * (LONGEST + 1), "a </context> b"])
def test_what_is_nothing_or_too_long_or_ends_a_block_stays(value: str) -> None:
    assert not movable(move(value), PLAIN)


@pytest.mark.parametrize("kind", ["result", "opaque", "definition"])
def test_only_text_moves(kind: Kind) -> None:
    assert movable(move("noon"), PLAIN)
    assert not movable(move("noon", kind), PLAIN)


def test_the_longest_value_moves_and_what_is_to_be_kept_does_not() -> None:
    assert movable(move("x" * LONGEST), PLAIN)
    assert not movable(move("order 77"), PLAIN._replace(keep=(r"order \d+",)))
    assert movable(move("order AB"), PLAIN._replace(keep=(r"order \d+",)))
