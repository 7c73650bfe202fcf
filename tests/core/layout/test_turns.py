"""The memory of a conversation: what was told at a turn is told there again, and lost notes cost no value."""

from __future__ import annotations

import pytest

from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.moves import Move
from everwarm.core.layout.notes import MemoryNotes
from everwarm.core.layout.piece import Piece
from everwarm.core.layout.slots import Share, Slot
from everwarm.core.layout.turns import GROWS, Said, Turn, tell, written

CLOCK = Slot("clock", within=Share(9, 9))
USER = Slot("user", between=Share(9, 9))


def talk(*texts: str) -> list[Piece]:
    """Messages of a user and a model in turn."""
    roles = ("user", "assistant")
    return [Piece(("messages", n, "content"), "messages", roles[n % 2], "text", t, n) for n, t in enumerate(texts)]


def moved(**values: str) -> list[Move]:
    """Values that have left the system prompt."""
    piece = Piece(("system",), "system", "system", "text", "...", -1)
    return [Move({"clock": CLOCK, "user": USER}[name], value, piece, 0, 1) for name, value in values.items()]


def told(notes: MemoryNotes, texts: list[str], **values: str) -> list[Turn]:
    return tell(notes, "a", "kin", talk(*texts), moved(**values))


def clock(message: int, value: str) -> Turn:
    return Turn(message, (Said("clock", value),))


def test_each_turn_keeps_what_it_was_told() -> None:
    notes = MemoryNotes()
    assert told(notes, ["Hi"], clock="noon") == [clock(0, "noon")]
    assert told(notes, ["Hi", "Hello", "And?"], clock="one") == [clock(0, "noon"), clock(2, "one")]
    assert told(notes, ["Hi", "Hello", "And?", "So", "Well"], clock="one") == [clock(0, "noon"), clock(2, "one")]


def test_where_there_is_no_turn_nothing_is_told() -> None:
    notes = MemoryNotes()
    assert told(notes, [], clock="noon") == []
    assistant = Piece(("messages", 0, "content"), "messages", "assistant", "text", "Hello", 0)
    assert tell(notes, "a", "kin", [assistant], moved(clock="noon")) == []
    assert notes.all("a", "turn") == {}


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b"7", b"null", b"[1]", b"[[]]", b'["ab"]', b'[["clock","noon"]]', b"{}"]
)
def test_a_damaged_note_is_as_good_as_none(damaged: bytes) -> None:
    """The value is told at the newest turn, for no earlier one is known to have told it."""
    notes = MemoryNotes()
    told(notes, ["Hi"], clock="noon")
    for name in notes.all("a", "turn"):
        notes.put("a", "turn", name, damaged)
    assert told(notes, ["Hi", "Hello", "And?"], clock="noon") == [clock(2, "noon")]
    assert told(notes, ["Hi", "Hello", "And?"], clock="noon") == [clock(2, "noon")]


def test_two_conversations_that_begin_alike_are_told_apart_by_their_session() -> None:
    notes = MemoryNotes()
    told(notes, ["Hi"], user="Mia", clock="noon")
    (first, second) = told(notes, ["Hi", "Hello", "And?"], user="Mia", clock="one")
    assert first.said == (Said("user", "Mia"), Said("clock", "noon"))
    assert second.said == (Said("clock", "one"),)
    (only,) = told(notes, ["Hi", "Hello", "And?"], user="Noah", clock="one")
    assert only == Turn(2, (Said("user", "Noah"), Said("clock", "one")))


def test_what_was_added_is_told_alone_and_adds_up() -> None:
    notes, memory = MemoryNotes(), "x" * GROWS
    told(notes, ["Hi"], clock=memory)
    texts = ["Hi", "Hello", "And?"]
    assert told(notes, texts, clock=f"{memory}, more")[-1] == Turn(2, (Said("clock", ", more", True),))
    assert told(notes, [*texts, "So", "Well"], clock=f"{memory}, more")[-1].message == 2, "nothing is new"
    short = MemoryNotes()
    told(short, ["Hi"], clock=memory[1:])
    assert told(short, texts, clock=f"{memory[1:]}, more")[-1] == clock(2, f"{memory[1:]}, more")


def test_a_block_holds_values_to_the_letter() -> None:
    said = (Said("clock", "{name} {value}"), Said("memory", "more", True))
    assert written(said, Wishes(block="[{name}: {value}]")) == "[clock: {name} {value}]\n[memory (added): more]"
