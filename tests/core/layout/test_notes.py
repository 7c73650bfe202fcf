"""Notes in memory: the contract, bounds, and notes of which nothing may be written."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.notes import NotesContract
from everwarm.core.layout.notes import OVERHEAD, MemoryNotes, Notes, Unwritten


class TestMemory(NotesContract):
    def make(self, folder: Path, limit: int) -> Notes:
        return MemoryNotes(limit)


class TestUnwritten(NotesContract):
    def make(self, folder: Path, limit: int) -> Notes:
        return Unwritten(MemoryNotes(limit), limit)


def test_what_was_used_least_recently_goes_first() -> None:
    notes = MemoryNotes(3 * (OVERHEAD + 11))
    for name in (b"1", b"2", b"3"):
        notes.put("a", "turn", name, b"0123456789")
    assert notes.get("a", "turn", b"1") is not None
    notes.put("b", "stream", b"4", b"0123456789")
    assert list(notes.all("a", "turn")) == [b"1", b"3"]
    notes.put("a", "turn", b"3", b"0" * 10**4)  # larger than all: it is kept, alone
    assert dict(notes.all("a", "turn")) == {b"3": b"0" * 10**4}
    assert not notes.all("b", "stream")
    notes.check_integrity()


def test_a_wrong_sum_is_found() -> None:
    notes = MemoryNotes()
    notes.put("a", "turn", b"1", b"x")
    notes._held += 1
    with pytest.raises(AssertionError):
        notes.check_integrity()


def test_nothing_of_what_must_not_be_written_gets_below() -> None:
    below = MemoryNotes()
    below.put("a", "turn", b"old", b"1")
    notes = Unwritten(below)
    assert notes.keep("a", "turn", b"old", b"2") == b"1"
    assert notes.keep("a", "turn", b"new", b"2") == b"2"
    notes.put("a", "turn", b"old", b"3")
    assert notes.get("a", "turn", b"old") == b"3"
    assert notes.all("a", "turn") == {b"old": b"3", b"new": b"2"}
    notes.drop("a")
    assert notes.all("a", "turn") == below.all("a", "turn") == {b"old": b"1"}
