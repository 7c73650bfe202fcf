"""One file, several processes: who writes, who finds, who forgets, and what a process that dies or damages costs."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import store_load as load
from everwarm.core.key import PUBLIC, ExactKey, Namespace
from everwarm.store import changes
from everwarm.store.answers import PAGE_BYTES, SCHEMA, VERSION_1
from everwarm.store.aside import SIDES, set_aside
from everwarm.store.file import Schema, open_file
from everwarm.store.memory import MemoryStore
from everwarm.store.protocol import Entry
from everwarm.store.sqlite import SqliteStore
from everwarm.store.tiered import TieredStore
from store_load import NOW, SECRET, key

OTHER = Namespace("b" * 32)
Maker = Callable[[], TieredStore]


def entry(text: str = "answer", at: float = NOW, tags: tuple[str, ...] = ("t",)) -> Entry:
    return Entry(text.encode(), at, at + 1000, tags)


def wait_until(condition: Callable[[], bool]) -> None:
    """Ten seconds at most; the bound that is promised is one, and speed is not tested here."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in ten seconds")


def aside(path: Path) -> list[Path]:
    """The damaged files, without their logs."""
    return [p for p in path.parent.glob(f"{path.name}.corrupt-*") if not p.name.endswith(SIDES)]


@pytest.fixture
def worker(path: Path) -> Iterator[Maker]:
    """Makes what one worker process has: a memory of its own over the file."""
    stores: list[TieredStore] = []

    def make() -> TieredStore:
        stores.append(TieredStore(MemoryStore(10**7), SqliteStore(path, SECRET, 10**7)))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


class Process:
    """A worker that is a process."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, load.__file__, str(path), "obey"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def do(self, line: str) -> str:
        self.say(line)
        return self.hear()

    def end(self) -> None:
        self.process.communicate(timeout=60)


@contextlib.contextmanager
def processes(path: Path, number: int) -> Iterator[list[Process]]:
    """So many, started at once."""
    started = [Process(path) for _ in range(number)]
    try:
        assert [each.hear() for each in started] == ["ready"] * number
        yield started
    finally:
        for each in started:
            each.end()


def test_what_one_process_does_the_other_sees(path: Path) -> None:
    with processes(path, 2) as (a, b):
        assert a.do("put x old") == "put"
        assert b.do("get x") == "old"  # and now it is in the memory of both
        assert a.do("put x new") == "put"
        wait_until(lambda: b.do("get x") == "new")
        assert b.do("drop t") == "1"
        wait_until(lambda: a.do("get x") == "nothing")
        assert [each.do("check") for each in (a, b)] == ["0 0 0"] * 2


def begin_nothing(path: Path) -> None:
    pass


def begin_old(path: Path) -> None:
    """A file of the version before, with an entry."""
    opened = open_file(path, Schema(SCHEMA.application, (VERSION_1,)))
    with contextlib.closing(opened.writer), contextlib.closing(opened.reader):
        opened.writer.execute("INSERT INTO entries VALUES (1, 'public', x'00', 1, 1.0, 2.0, 1.0)")


def begin_damaged(path: Path) -> None:
    path.write_bytes(b"this is no database " * 1000)


@pytest.mark.parametrize("begin", [begin_nothing, begin_old, begin_damaged])
def test_four_processes_that_open_at_once_have_one_file(path: Path, begin: Callable[[Path], None]) -> None:
    begin(path)
    with processes(path, 4) as workers:
        for number, each in enumerate(workers):
            assert each.do(f"put n{number} text{number}") == "put"
        for each in workers:
            assert [each.do(f"get n{number}") for number in range(4)] == [f"text{number}" for number in range(4)]
            assert each.do("check").split()[0] == "0"
    assert len(aside(path)) == (begin is begin_damaged)


def test_two_write_and_one_is_killed(path: Path) -> None:
    """Both write the same names as fast as they can; what was flushed before the kill is there, and all is whole."""
    with contextlib.ExitStack() as stack:
        both = []
        for turn in ("0", "100000"):
            command = [sys.executable, load.__file__, str(path), turn]
            both.append(stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)))
            stack.callback(both[-1].kill)
        killed, other = both
        assert killed.stdout is not None
        assert other.stdout is not None
        for _ in range(12):
            killed.stdout.readline()
            other.stdout.readline()
        killed.kill()
        killed.wait()
        turns = [int(other.stdout.readline().split()[1]) for _ in range(12)]
        assert turns == sorted(turns)
        assert turns[-1] > turns[0], "the other went on writing"
    store = SqliteStore(path, SECRET, 10**7)
    found = [store.get(load.key(f"n{number}"), NOW) for number in range(load.NAMES)]
    assert sum(each is not None for each in found) > load.NAMES / 2
    assert all(load.is_whole(f"n{number}", each.payload) for number, each in enumerate(found) if each)
    store.check_integrity()
    assert store.faults() == (0, 0, 0)
    store.close()


def test_what_one_replaces_the_memory_of_the_other_forgets(worker: Maker) -> None:
    a, b = worker(), worker()
    a.put(key("x"), entry("old"), NOW)
    a.flush()
    assert b.get(key("x"), NOW) == b.peek(key("x"), NOW) == entry("old")
    a.put(key("x"), entry("new"), NOW)
    wait_until(lambda: b.peek(key("x"), NOW) is None)
    assert b.get(key("x"), NOW) == entry("new")
    assert a.peek(key("x"), NOW) == entry("new"), "its own changes cost it nothing"


@pytest.mark.parametrize("how", [{"tag": "t"}, {"tag": "\ud800"}, {"digest": key("x").digest}, {}])
@pytest.mark.digest
def test_what_one_drops_the_memory_of_the_other_forgets(worker: Maker, how: dict[str, object]) -> None:
    a = worker()
    a.put(key("x"), entry(tags=("t", "\ud800")), NOW)
    a.put(key("y"), entry(tags=()), NOW)
    other = ExactKey(OTHER, key("x").digest, key("x").proof)
    a.put(other, entry(tags=("t", "\ud800")), NOW)
    a.flush()
    b = worker()
    for name in (key("x"), key("y"), other):
        assert b.get(name, NOW) is not None
    assert a.drop(PUBLIC, **how) == (1 if how else 2)  # type: ignore[arg-type]
    wait_until(lambda: b.peek(key("x"), NOW) is None)
    assert b.get(key("x"), NOW) is None
    assert (b.peek(key("y"), NOW) is None) == (not how)
    assert b.peek(other, NOW) is not None, "another namespace's are not touched"


def test_who_missed_changes_forgets_everything(worker: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "KEPT", 3)
    a, b = worker(), worker()
    a.put(key("x"), entry("old"), NOW)
    a.put(key("y"), entry("y"), NOW)
    a.flush()
    assert b.get(key("x"), NOW) is not None
    assert b.get(key("y"), NOW) is not None
    assert b.disk is not None
    assert b.disk._watch is not None
    b.disk._watch.close()  # b sleeps
    a.put(key("x"), entry("new"), NOW + 20)
    for number in range(10):
        a.put(key(str(number)), entry(), NOW + 20)
    a.flush()
    a.put(key("later"), entry(), NOW + 40)
    a.flush()
    b.disk._watch._look()
    assert b.peek(key("y"), NOW) is None
    assert b.get(key("x"), NOW + 40) == entry("new")


def test_an_answer_begun_before_a_drop_elsewhere_is_not_kept(worker: Maker) -> None:
    a, b = worker(), worker()
    a.drop(PUBLIC, tag="t", now=NOW + 1)
    b.put(key("before"), entry(at=NOW + 2), NOW + 2, began=NOW)
    b.put(key("after"), entry(at=NOW + 2), NOW + 2, began=NOW + 1.5)
    b.put(ExactKey(OTHER, key("o").digest, key("o").proof), entry(at=NOW + 2), NOW + 2, began=NOW)
    b.flush()
    wait_until(lambda: b.peek(key("before"), NOW + 2) is None)
    assert a.get(key("before"), NOW + 2) is None
    assert a.get(key("after"), NOW + 2) is not None
    assert a.held().entries == 2


def test_an_answer_begun_before_a_newer_one_elsewhere_does_not_replace_it(worker: Maker) -> None:
    a, b = worker(), worker()
    a.put(key("x"), entry("new", at=NOW + 1), NOW + 1, began=NOW)
    a.flush()
    b.put(key("x"), entry("old", at=NOW + 2), NOW + 2, began=NOW + 0.5)
    b.flush()
    wait_until(lambda: b.peek(key("x"), NOW + 2) is None)
    assert a.get(key("x"), NOW + 2) == b.get(key("x"), NOW + 2) == entry("new", at=NOW + 1)


def test_bounds_and_accounts_are_of_all_together(path: Path) -> None:
    """Each alone would be within the bound."""
    a, b = SqliteStore(path, SECRET, 100_000), SqliteStore(path, SECRET, 100_000)
    for number in range(60):
        a.put(key(f"a{number}"), entry("a" * 1000), NOW + number)
        b.put(key(f"b{number}"), entry("b" * 1000), NOW + number)
        if number % 10 == 0:
            a.flush()
    a.flush()
    b.flush()
    assert a.held() == b.held()
    assert 90_000 < a.held().bytes <= 100_000
    a.check_integrity()
    a.close()
    b.check_integrity()
    b.close()


def test_a_clock_that_was_set_back_is_noticed_once_for_all(worker: Maker) -> None:
    a, b = worker(), worker()
    a.put(key("x"), entry(), NOW)
    a.flush()
    b.get(key("x"), NOW)
    for store in (a, b, a, b):
        store.get(key("x"), NOW - 500)
        store.put(key("probe"), entry(at=NOW - 500), NOW - 500)
        store.flush()
    late = worker()
    for store in (a, b, late):
        found = store.get(key("x"), NOW - 490)
        assert found is not None
        assert found.created == NOW - 500
        assert store.get(key("x"), NOW + 501) is None


def test_damage_that_one_finds_moves_all_to_a_new_file(path: Path, worker: Maker) -> None:
    a, b = worker(), worker()
    a.put(key("lost"), entry(), NOW)
    a.flush()
    assert b.get(key("lost"), NOW) is not None
    assert a.disk is not None

    def malformed(_: object) -> None:
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    a.disk._database.read(malformed, None)
    wait_until(lambda: bool(aside(path)))
    wait_until(lambda: b.peek(key("lost"), NOW) is None)  # nobody can tell what changes it would have missed
    b.put(key("new"), entry("new"), NOW)
    b.flush()
    wait_until(lambda: a.get(key("new"), NOW) == entry("new"))
    a.check_integrity()
    b.check_integrity()
    a.close()
    b.close()
    again = worker()
    assert again.get(key("new"), NOW) == entry("new"), "the log of the new file was not taken away with the old"
    assert len(aside(path)) == 1


def test_a_file_that_is_taken_away_is_begun_anew(path: Path, worker: Maker) -> None:
    a = worker()
    a.put(key("x"), entry(), NOW)
    a.flush()
    for file in path.parent.glob("cache.db*"):
        file.unlink()
    wait_until(path.exists)  # the watch sees it
    a.put(key("y"), entry(), NOW)
    a.flush()
    b = worker()
    assert b.get(key("y"), NOW) is not None
    assert b.get(key("x"), NOW) is None


def test_the_log_of_a_new_file_outlives_who_still_has_the_old_one(path: Path) -> None:
    with contextlib.ExitStack() as stack:
        old = open_file(path, SCHEMA)
        set_aside(path, NOW)
        new = open_file(path, SCHEMA)
        for connection in (new.writer, new.reader):
            stack.enter_context(contextlib.closing(connection))
        new.writer.execute("INSERT INTO drops VALUES ('new', 1.0)")
        old.writer.execute("INSERT INTO drops VALUES ('old', 1.0)")
        old.reader.close()
        old.writer.close()
        assert Path(f"{path}-wal").exists()
        third = stack.enter_context(contextlib.closing(sqlite3.connect(path)))
        assert third.execute("SELECT namespace FROM drops").fetchall() == [("new",)]


def test_opening_twice_gives_no_lock_away(path: Path) -> None:
    """POSIX locks of a process end when it closes any handle of the file: then another one, leaving, would think that
    it was the last, and take the log away."""
    first = open_file(path, SCHEMA)
    first.writer.execute("INSERT INTO drops VALUES ('kept', 1.0)")
    second = open_file(path, SCHEMA)
    second.reader.close()
    second.writer.close()
    code = f"import sqlite3; sqlite3.connect({str(path)!r}).execute('SELECT * FROM drops').fetchall()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert Path(f"{path}-wal").exists()
    first.reader.close()
    first.writer.close()


def test_a_new_file_has_small_pages(path: Path) -> None:
    SqliteStore(path, SECRET, 10**7).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA page_size").fetchone() == (PAGE_BYTES,)
