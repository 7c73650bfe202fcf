from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from everwarm.store import database
from everwarm.store.database import Database, Owner
from everwarm.store.file import Schema

SCHEMA = Schema(0x22, (("CREATE TABLE things (name TEXT NOT NULL)",),))


class Things:
    """Writes names; does what a test says before."""

    def __init__(self) -> None:
        self.before: Callable[[], None] = lambda: None
        self.written: list[str] = []
        self.failed: list[str] = []
        self.batches: list[int] = []
        self.again: list[str] = []

    def apply(self, connection: sqlite3.Connection, items: list[str]) -> None:
        self.before()
        self.batches.append(len(items))
        connection.executemany("INSERT INTO things VALUES (?)", [(None if i == "poison" else i,) for i in items])

    def settle(self, items: list[str], written: bool) -> Iterable[str]:
        (self.written if written else self.failed).extend(items)
        again, self.again = self.again, []
        return again


Opener = Callable[..., Database[str]]


@pytest.fixture
def things() -> Things:
    return Things()


@pytest.fixture
def opened(tmp_path: Path, things: Things) -> Iterator[Opener]:
    databases: list[Database[str]] = []

    def open_(**more: object) -> Database[str]:
        owner: Owner[str] = things
        databases.append(Database(tmp_path / "things.db", SCHEMA, owner, **more))  # type: ignore[arg-type]
        return databases[-1]

    yield open_
    for each in databases:
        each.close()


def names(opened: Database[str]) -> list[str]:
    return opened.read(
        lambda c: [row[0] for row in c.execute("SELECT name FROM things ORDER BY rowid")], ["unreadable"]
    )


def full_disk() -> None:
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    raise error


def malformed() -> None:
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    raise error


def test_what_was_submitted_is_written_in_order_and_in_few_batches(opened: Opener, things: Things) -> None:
    it = opened()
    wanted = [str(number) for number in range(5000)]
    assert all(it.submit(name, 10) for name in wanted)
    it.flush()
    assert names(it) == wanted == things.written
    assert len(things.batches) < 50


def test_without_a_flush_it_is_written_soon(opened: Opener, things: Things) -> None:
    it = opened()
    done = threading.Event()
    things.settle = lambda items, written: done.set() or ()  # type: ignore[method-assign, func-returns-value, assignment]
    it.submit("x", 1)
    assert done.wait(10)
    assert names(it) == ["x"]


def test_closing_writes_what_waits(opened: Opener) -> None:
    it = opened()
    it.submit("x", 1)
    it.close()
    assert not it.submit("late", 1)
    it.flush()
    it.close()
    assert names(it) == ["unreadable"]
    assert it.unreadable == 0
    assert names(opened()) == ["x"]


def test_a_full_queue_says_no_and_does_not_block(opened: Opener, things: Things) -> None:
    hold, held = threading.Event(), threading.Event()
    things.before = lambda: (held.set(), hold.wait(10))  # type: ignore[assignment, return-value]
    it = opened(queue_bytes=100)
    assert it.submit("a", 60)
    assert held.wait(10)  # being written: still counted
    assert not it.submit("b", 60)
    assert it.submit("c", 40)
    assert it.submit("forced", 60, force=True)
    hold.set()
    it.flush()
    assert it.submit("d", 60)
    it.flush()
    assert names(it) == ["a", "c", "forced", "d"]


def test_a_full_disk_is_counted_warned_of_once_a_minute_and_recovered_from(
    opened: Opener, things: Things, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    it = opened(clock=lambda: now[0])
    things.before = full_disk
    for second in range(0, 130, 10):
        now[0] = float(second)
        it.submit(str(second), 1)
        it.flush()
    assert things.failed == [str(second) for second in range(0, 130, 10)]
    assert [r.levelno for r in caplog.records] == [logging.WARNING] * 3
    assert "disk is full" in caplog.text
    things.before = lambda: None
    it.submit("after", 1)
    it.flush()
    assert names(it) == ["after"]


def test_what_the_owner_wants_again_comes_before_what_is_newer(
    opened: Opener, things: Things, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BACKOFF_SECONDS", 0.01)
    it = opened()
    things.before, things.again = full_disk, ["old instead"]
    it.submit("old", 1)
    it.flush()
    things.before = lambda: None
    it.submit("new", 1)
    it.flush()
    assert names(it) == ["old instead", "new"]


def test_one_item_that_is_refused_does_not_take_the_others_with_it(opened: Opener, things: Things) -> None:
    it = opened()
    for name in ("a", "poison", "b", "\ud800", "c"):  # a NULL, and what cannot be UTF-8
        it.submit(name, 1)
    it.flush()
    assert names(it) == ["a", "b", "c"]
    assert things.failed == ["poison", "\ud800"]


def test_damage_met_while_writing_costs_the_file_and_not_what_is_written(
    opened: Opener, things: Things, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    it = opened()
    it.submit("lost", 1)
    it.flush()

    def once() -> None:
        things.before = lambda: None
        malformed()

    things.before = once
    it.submit("kept", 1)
    it.flush()
    assert names(it) == ["kept"]
    assert things.failed == []
    (aside,) = tmp_path.glob("things.db.corrupt-*")
    assert str(aside) in caplog.text
    with contextlib.closing(sqlite3.connect(aside)) as old:
        assert old.execute("SELECT name FROM things").fetchall() == [("lost",)]


def test_damage_met_while_reading_is_counted_and_dealt_with(opened: Opener, tmp_path: Path) -> None:
    it = opened()
    it.submit("lost", 1)
    it.flush()
    for _ in range(3):  # several readers meet the same damage
        it.read(lambda c: malformed(), None)
    it.submit("kept", 1)
    it.flush()
    assert names(it) == ["kept"]
    assert len(list(tmp_path.glob("things.db.corrupt-*"))) == 1
    assert it.unreadable in (3, 4)  # one reader may have come while there was no file


def test_damage_that_reader_and_writer_meet_together_costs_one_file(
    opened: Opener, things: Things, tmp_path: Path
) -> None:
    it = opened()

    def once() -> None:
        things.before = lambda: None
        it.read(lambda c: malformed(), None)
        malformed()

    things.before = once
    it.submit("kept", 1)
    it.flush()
    it.submit("later", 1)
    it.flush()
    assert names(it) == ["kept", "later"]
    assert len(list(tmp_path.glob("things.db.corrupt-*"))) == 1


def test_damage_that_stays_is_given_up_on_for_now(opened: Opener, things: Things) -> None:
    it = opened()
    things.before = malformed
    it.submit("x", 1)
    it.flush()
    assert things.failed == ["x"]
    things.before = lambda: None
    it.submit("y", 1)
    it.flush()
    assert names(it) == ["y"]


def test_a_read_that_the_surroundings_refuse_is_counted(opened: Opener) -> None:
    it = opened()
    assert it.read(lambda c: full_disk(), None) is None
    assert it.unreadable == 1
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        it.read(lambda c: c.execute("SELECT * FROM elsewhere"), None)


def test_readers_cannot_write(opened: Opener) -> None:
    it = opened()
    assert it.read(lambda c: c.execute("INSERT INTO things VALUES ('x')").fetchall(), []) == []
    assert names(it) == []


def test_a_folder_that_vanished_is_survived(opened: Opener, things: Things, tmp_path: Path) -> None:
    """The file cannot be opened again until somebody lets us; then all goes on."""
    it = opened()
    things.before = full_disk
    it.submit("x", 1)
    it.flush()
    (tmp_path / "things.db").rename(tmp_path / "elsewhere")
    for side in ("-wal", "-shm"):
        (tmp_path / f"things.db{side}").unlink(missing_ok=True)
    (tmp_path / "things.db").mkdir()
    things.before = lambda: None
    it.submit("y", 1)
    it.flush()
    assert things.failed == ["x", "y"]
    (tmp_path / "things.db").rmdir()
    it.submit("z", 1)
    it.flush()
    assert names(it) == ["z"]


def test_many_threads_at_once(opened: Opener) -> None:
    it = opened()

    def work(number: int) -> None:
        for each in range(200):
            it.submit(f"{number}/{each}", 1)
            if each % 50 == 0:
                it.flush()
                names(it)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    it.flush()
    found = names(it)
    assert len(found) == 1200
    for number in range(6):
        assert [n for n in found if n.startswith(f"{number}/")] == [f"{number}/{each}" for each in range(200)]
