"""What is known of a place where texts differ."""

from __future__ import annotations

import pytest

from everwarm.core.layout.slots import DISTINCT, UNKNOWN, Share, Slot, mark


def seen(slot: Slot, *values: str, same_talk: bool) -> Slot:
    before = None
    for value in values:
        slot.note(mark(value), before, same_talk)
        before = mark(value)
    return slot


def test_what_changes_within_a_conversation_is_dynamic() -> None:
    slot = seen(Slot("clock", "a clock"), "10:00", "10:01", "10:02", same_talk=True)
    assert slot.stability == "dynamic"
    assert slot.confidence == pytest.approx(3 / 4)


def test_what_changes_between_conversations_only_is_of_the_session() -> None:
    slot = seen(Slot("user", "a user"), "Mia", "Ivan", same_talk=False)
    assert slot.stability == "session"
    assert slot.confidence == pytest.approx(2 / 3)
    seen(slot, "Ivan", "Ivan", "Ivan", same_talk=True)
    assert slot.stability == "session"


def test_more_observations_are_surer() -> None:
    few = seen(Slot("clock"), "1", "2", same_talk=True)
    many = seen(Slot("clock"), *"123456789", same_talk=True)
    assert few.confidence < many.confidence < 1


def test_nothing_seen_is_static() -> None:
    assert Slot("x").stability == "static"
    assert Share().rate == 0


def test_what_is_recognised_is_proven_by_two_values() -> None:
    assert not seen(Slot("clock", "a clock"), "10:00", same_talk=True).proven
    assert not seen(Slot("clock", "a clock"), "10:00", "10:00", same_talk=True).proven
    assert seen(Slot("clock", "a clock"), "10:00", "10:01", same_talk=True).proven


def test_what_nobody_knows_needs_three_in_quick_change() -> None:
    assert not seen(Slot("text", UNKNOWN), "a", "b", same_talk=False).proven
    assert seen(Slot("text", UNKNOWN), "a", "b", "c", same_talk=False).proven
    slow = seen(Slot("text", UNKNOWN), *"aaaaabbbbbccccc", same_talk=False)
    assert not slow.proven, "three versions of a prompt are no data"
    pair = seen(Slot("text", UNKNOWN), *"abababab", same_talk=False)
    assert not pair.proven, "nor are two that are tried out"


def test_marks_are_bounded() -> None:
    slot = seen(Slot("n"), *map(str, range(100)), same_talk=True)
    assert len(slot.marks) == DISTINCT
    assert slot.within == Share(99, 99)


def test_an_heir_knows_what_those_before_it_knew() -> None:
    moved = seen(Slot("clock", "a clock"), "1", "2", "3", same_talk=True)
    moved.moved = True
    other = seen(Slot("user"), "Mia", "Ivan", same_talk=False)
    heir = Slot("new")
    heir.inherit([moved, other])
    assert heir.moved
    assert heir.within == moved.within
    assert heir.between == other.between
    assert heir.marks == moved.marks


def test_the_first_place_counts() -> None:
    slot = Slot("clock")
    slot.stand(("system",), 3, 9)
    slot.stand(("system",), 5, 12)
    assert (slot.path, slot.at) == (("system",), (3, 9))


def test_there_and_back() -> None:
    slot = seen(Slot("clock", "a clock", ("messages", 0, "content"), (3, 9), moved=True), "1", "2", same_talk=True)
    assert Slot.load(slot.dump()) == slot


@pytest.mark.parametrize("member", ["name", "kind", "counts", "marks", "moved", "path", "at"])
def test_a_damaged_note_is_told(member: str) -> None:
    whole = Slot("clock").dump()
    with pytest.raises((KeyError, TypeError, ValueError)):
        Slot.load({k: v for k, v in whole.items() if k != member})
