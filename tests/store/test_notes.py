"""Notes on disk: what survives, what is shared, what is bounded, and what a bad file or a bad disk costs."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.notes import NotesContract
from everwarm.core.layout.notes import NoteKind, Notes
from everwarm.errors import StoreError
from everwarm.store import note_table, patient
from everwarm.store.bypass import REST_SECONDS, Bypass
from everwarm.store.file import used_bytes
from everwarm.store.noted import noted
from everwarm.store.notes import EVERY, DiskNotes
from everwarm.store.protocol import Faults
from everwarm.store.seal import load_secret

SECRET = bytes(range(32))
Opener = Callable[..., DiskNotes]


class TestDisk(NotesContract):
    def make(self, folder: Path, limit: int) -> Notes:
        return DiskNotes(folder / "layout.db", SECRET, limit)


class TestDiskWithLittleMemory(NotesContract):
    """Nearly everything is read from disk, or waits to be written."""

    def make(self, folder: Path, limit: int) -> Notes:
        return DiskNotes(folder / "layout.db", SECRET, limit, alone=False, memory_bytes=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "layout.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Opener]:
    """Opens notes at ``path`` as one of several processes does; what it opened is closed at the end."""
    made: list[DiskNotes] = []

    def open_(max_bytes: int = 10**7, **more: Any) -> DiskNotes:
        made.append(DiskNotes(path, SECRET, max_bytes, **{"alone": False, **more}))
        return made[-1]

    yield open_
    for notes in made:
        notes.close()


def rows(path: Path, sql: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql).fetchall()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.mark.parametrize("alone", [True, False])
def test_they_survive_a_restart(opened: Opener, alone: bool) -> None:
    first = opened(alone=alone)
    first.keep("a", "turn", b"n", b"kept")
    first.put("a", "stream", b"s", b"1")
    first.put("a", "stream", b"s", b"2")
    first.close()
    again = opened(alone=alone)
    assert again.get("a", "turn", b"n") == b"kept"
    assert again.keep("a", "turn", b"n", b"other") == b"kept"
    assert again.all("a", "stream") == {b"s": b"2"}
    assert again.get("a", "turn", b"new") is None


def test_the_file_is_for_its_owner_only(opened: Opener, path: Path) -> None:
    opened().put("a", "turn", b"n", b"kept")
    modes = {stat.S_IMODE(p.stat().st_mode) for p in path.parent.glob("layout.db*")}
    assert modes == {0o600}


def test_what_one_process_wrote_another_finds(opened: Opener) -> None:
    one, other = opened(), opened()
    assert other.get("a", "turn", b"n") is None
    one.keep("a", "turn", b"n", b"ones")
    one.flush()
    assert other.keep("a", "turn", b"n", b"others") == b"ones"


def test_of_two_that_keep_at_once_the_first_that_is_written_stays(opened: Opener) -> None:
    one, other = opened(), opened()
    assert one.keep("a", "turn", b"n", b"ones") == b"ones"
    assert other.keep("a", "turn", b"n", b"others") == b"others"
    one.flush()
    other.flush()
    kept = {one.get("a", "turn", b"n"), other.get("a", "turn", b"n")}
    assert len(kept) == 1
    assert kept <= {b"ones", b"others"}


def test_what_one_process_dropped_another_forgets_with_its_next_write(opened: Opener) -> None:
    one, other = opened(), opened()
    for space in ("a", "b"):
        other.put(space, "turn", b"n", b"kept")
    other.flush()
    one.drop("a")
    one.flush()
    other.put("b", "turn", b"more", b"kept")
    other.flush()
    assert other.get("a", "turn", b"n") is None
    assert other.get("b", "turn", b"n") == b"kept"


def test_what_one_process_dropped_another_forgets_soon_and_is_told(opened: Opener) -> None:
    one, other, told = opened(), opened(), []
    other.follow(told.append)
    for space in ("a", "b"):
        other.put(space, "turn", b"n", b"kept")
    other.flush()
    one.drop("a")
    one.flush()
    wait_until(lambda: told == ["a"])
    assert other.get("a", "turn", b"n") is None
    assert other._memory.all("a", "turn") == {}, "without a write of its own"
    assert other.get("b", "turn", b"n") == b"kept"
    other.put("a", "turn", b"n", b"new")
    other.drop("b")
    other.flush()
    time.sleep(2 * EVERY)
    assert other.get("a", "turn", b"n") == b"new"
    assert told == ["a"], "neither twice, nor of its own"


def test_who_begins_after_a_drop_is_not_told_of_it(opened: Opener) -> None:
    one = opened()
    one.drop("a")
    one.flush()
    other, told = opened(), []
    other.follow(told.append)
    other.put("a", "turn", b"n", b"kept")
    other.flush()
    time.sleep(2 * EVERY)
    assert (told, other.get("a", "turn", b"n")) == ([], b"kept")


def test_what_was_made_of_dropped_notes_is_not_written_any_more(opened: Opener, path: Path) -> None:
    one, other, told = opened(), opened(), []
    other._tell = told.append
    one.drop("a")
    one.flush()
    for space in ("a", "b"):
        other.put(space, "stream", b"n", b"of what was known")
    other.flush()
    assert (rows(path, "SELECT space FROM notes"), told) == ([("b",)], ["a"])
    assert other.get("a", "stream", b"n") is None
    other.put("a", "stream", b"n", b"new")
    other.flush()
    assert len(rows(path, "SELECT * FROM notes")) == 2
    assert other.faults() == Faults(0, 0, 0)


def test_in_a_file_that_was_begun_anew_drops_are_seen(opened: Opener, path: Path) -> None:
    one, other, told = opened(), opened(), []
    for number in range(3):
        other.put("a", "turn", b"%d" % number, b"kept")
        other.flush()
    for file in path.parent.glob("layout.db*"):
        file.unlink()
    other.follow(told.append)
    one.drop("b")
    one.flush()
    wait_until(lambda: told == ["b"])


def test_who_is_alone_does_not_look_for_what_is_not_there(opened: Opener) -> None:
    notes = opened(alone=True)
    notes.put("a", "turn", b"n", b"kept")
    wait_until(lambda: notes._presence is not None and notes._presence._filled)
    asked: list[Any] = []
    notes._patient.ask = lambda work, otherwise: asked.append(work) or otherwise  # type: ignore[method-assign,return-value]
    assert [notes.get("a", "turn", b"%d" % n) for n in range(50)] == [None] * 50
    assert not asked
    assert notes.get("a", "turn", b"n") == b"kept"


def test_used_last_goes_last_and_the_file_stays_within_its_bound(opened: Opener, path: Path) -> None:
    notes = opened(400_000, memory_bytes=10_000)
    notes.put("a", "turn", b"old", b"kept")
    for number in range(4000):
        notes.put("a", "turn", b"%d" % number, b"x" * 200)
        if number % 200 == 0:
            notes.flush()
            notes._noted.clear()  # a minute later
            assert notes.get("a", "turn", b"old") == b"kept"
            notes.flush()
    notes.flush()
    names = {name for (name,) in rows(path, "SELECT name FROM notes")}
    assert {b"old", b"3999"} <= names
    assert b"0" not in names
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert used_bytes(connection) <= 400_000


def test_who_fills_the_file_pushes_out_what_is_their_own(opened: Opener, path: Path) -> None:
    """s07, of notes."""
    notes = opened(400_000)
    for number in range(100):
        notes.put("quiet", "turn", b"%d" % number, b"x" * 200)
    for number in range(6000):
        notes.put("loud", "turn", b"%d" % number, b"x" * 200)
        if number % 500 == 0:
            notes.flush()
    notes.flush()
    counts = dict(rows(path, "SELECT space, COUNT(*) FROM notes GROUP BY space"))
    assert counts["quiet"] == 100
    assert 100 < counts["loud"] < 6000


def test_a_bound_too_small_for_anything_is_survived(opened: Opener, path: Path) -> None:
    notes = opened(1)
    notes.put("a", "turn", b"n", b"kept")
    notes.flush()
    assert rows(path, "SELECT * FROM notes") == []


@pytest.mark.parametrize("column", ["space", "kind", "name", "value", "mac"])
def test_a_row_that_is_not_ours_is_dropped_and_counted(opened: Opener, path: Path, column: str) -> None:
    """s18, of notes. What was moved to another place does not fit its seal either."""
    first = opened()
    first.put("a", "turn", b"n", b"kept")
    first.close()
    new = {"space": "'b'", "kind": "'order'", "name": "x'6d'", "value": "x'00'", "mac": "zeroblob(16)"}[column]
    rows(path, f"UPDATE notes SET {column} = {new}")
    where: dict[str, tuple[str, NoteKind, bytes]] = {
        "space": ("b", "turn", b"n"), "kind": ("a", "order", b"n"), "name": ("a", "turn", b"m"),
    }  # fmt: skip
    place = where.get(column, ("a", "turn", b"n"))
    notes = opened()
    assert notes.all(place[0], place[1]) == {}
    assert notes.get(*place) is None
    assert notes.faults() == Faults(1, 0, 0)
    notes.flush()
    assert rows(path, "SELECT * FROM notes") == []


def test_a_forged_row_does_not_keep_the_true_one_out(opened: Opener, path: Path) -> None:
    notes = opened()
    notes.flush()
    rows(path, "INSERT INTO notes (space, kind, name, value, mac, used) VALUES ('a', 'turn', x'6e', x'00', x'00', 0)")
    assert notes.keep("a", "turn", b"n", b"ours") == b"ours"
    notes.flush()
    assert opened().get("a", "turn", b"n") == b"ours"


@pytest.mark.parametrize("value", ["7", "NULL", "'text'"])
def test_values_of_another_type_are_no_notes(opened: Opener, path: Path, value: str) -> None:
    first = opened()
    first.put("a", "turn", b"n", b"kept")
    first.close()
    with contextlib.suppress(sqlite3.IntegrityError):
        rows(path, f"UPDATE notes SET value = {value}")
    assert opened().get("a", "turn", b"n") in (None, b"kept")


def test_a_damaged_file_is_set_aside(opened: Opener, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(b"garbage" * 1000)
    notes = opened()
    notes.put("a", "turn", b"n", b"kept")
    assert notes.get("a", "turn", b"n") == b"kept"
    assert "is damaged" in caplog.text
    assert notes.faults() == Faults(0, 1, 0)


def test_a_file_of_a_newer_program_is_refused(opened: Opener, path: Path) -> None:
    opened().close()
    rows(path, "PRAGMA user_version = 99")
    rows(path, "UPDATE meta SET value = 99 WHERE key = 'version'")
    with pytest.raises(StoreError, match="newer"):
        opened()


def test_a_full_disk_is_survived_from_memory(opened: Opener, path: Path) -> None:
    notes = opened()
    notes.put("a", "turn", b"before", b"1")
    notes.flush()
    path.parent.chmod(0o700)
    path.rename(path.with_name("gone"))
    path.mkdir()  # nothing can be opened here
    notes.put("a", "turn", b"n", b"kept")
    notes.flush()
    assert notes.get("a", "turn", b"n") == b"kept"
    assert notes.faults().unwritten == 1
    path.rmdir()


class Hanging(DiskNotes):
    """On a disk that hangs as long as a test wants."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self.turning = threading.Event()
        self.turning.set()
        self.reads = 0
        super().__init__(*args, **more)
        read = self._database.read

        def slow(work: Callable[[sqlite3.Connection], Any], otherwise: Any) -> Any:
            self.reads += 1
            assert self.turning.wait(60)
            return read(work, otherwise)

        self._database.read = slow  # type: ignore[method-assign]


def test_a_disk_that_hangs_is_waited_for_once(path: Path) -> None:
    """r09, of notes: then they are those of memory, until the disk has come back and time has passed."""
    seconds = [0.0]
    notes = Hanging(path, SECRET, 10**6, alone=False, memory_bytes=300, bypass=Bypass(lambda: seconds[0]))
    try:
        notes.put("a", "turn", b"on disk", b"1")
        notes.flush()
        notes.put("a", "turn", b"in memory", b"2")
        notes.turning.clear()
        assert notes.get("a", "turn", b"on disk") is None
        assert notes.reads == 1
        for _ in range(1000):
            assert notes.get("a", "turn", b"on disk") is None
            assert notes.get("a", "turn", b"in memory") == b"2"
        seconds[0] += 10 * REST_SECONDS
        assert notes.get("a", "turn", b"on disk") is None
        assert notes.reads == 1, "nobody waits while the first still does"
        notes.turning.set()
        wait_until(lambda: not notes._patient._bypass.closed)
        assert notes.get("a", "turn", b"on disk") == b"1"
    finally:
        notes.turning.set()
        notes.close()


def test_what_goes_wrong_in_the_thread_is_raised_where_it_was_asked() -> None:
    asking = patient.Patient("read nothing")
    with pytest.raises(ZeroDivisionError):
        asking.ask(lambda: 1 // 0, 0)
    assert asking.ask(lambda: 1, 0) == 1
    asking.close()


def test_a_row_that_sqlite_cannot_hand_over_is_counted(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> None:
        raise sqlite3.OperationalError("Could not decode to UTF-8")

    notes = opened()
    monkeypatch.setattr(note_table, "find", broken)
    assert notes.get("a", "turn", b"n") is None
    assert notes.faults() == Faults(1, 0, 0)


def test_who_only_looks_sees_what_is_whole_in_each_namespace(path: Path) -> None:
    assert noted(path, "stream", b"n") == {}
    assert not path.exists()
    secret = load_secret(path.parent)
    notes = DiskNotes(path, secret, 10**7)
    for space in ("a", "b"):
        notes.put(space, "stream", b"n", space.encode())
        notes.put(space, "turn", b"n", b"another kind")
    notes.put("c", "stream", b"m", b"another name")
    notes.flush()
    assert noted(path, "stream", b"n") == {"a": b"a", "b": b"b"}, "beside who writes"
    rows(path, "UPDATE notes SET value = x'00' WHERE space = 'a'")
    assert noted(path, "stream", b"n") == {"b": b"b"}
    notes.close()
    before = rows(path, "SELECT * FROM notes")
    assert noted(path, "stream", b"n") == {"b": b"b"}
    assert rows(path, "SELECT * FROM notes") == before
