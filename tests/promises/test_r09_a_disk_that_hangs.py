"""r09: A shared store that hangs or is gone costs at most 50 ms, then bypass; auth fails closed.

Written against the store. The gateway waits 50 ms for ``recall`` and then says ``too_slow``; here is shown that from
then on nobody waits, that a hang takes few threads, and that all is well again once the disk is. That auth fails closed
is the gateway's part.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from everwarm.core.key import PUBLIC, ExactKey, exact_key
from everwarm.store import database, sqlite
from everwarm.store.answers import Found
from everwarm.store.bypass import REST_SECONDS, Bypass
from everwarm.store.memory import MemoryStore
from everwarm.store.protocol import Entry
from everwarm.store.sqlite import SqliteStore
from everwarm.store.tiered import TieredStore

NOW = 1_800_000_000.0
SECRET = bytes(range(32))


def key(name: str) -> ExactKey:
    return exact_key(PUBLIC, "openai_chat", "model", name.encode())


ENTRY = Entry(b"answer", NOW, NOW + 1000)


class Disk(SqliteStore):
    """One that hangs as long as a test wants: what reads it does not come back."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self.turning = threading.Event()
        self.turning.set()
        self.entered = threading.Semaphore(0)
        super().__init__(*args, **more)

    def _find(self, key: ExactKey) -> Found | None:
        self.entered.release()
        assert self.turning.wait(60)
        return super()._find(key)

    def apply(self, *args: Any) -> None:
        assert self.turning.wait(60)
        super().apply(*args)


class Bench:
    """A store over a disk that may hang, with a clock of its own for the bypass."""

    def __init__(self, path: Path) -> None:
        self.seconds = 0.0
        self.disk = Disk(path, SECRET, 10**6)
        self.store = TieredStore(MemoryStore(10**6), self.disk, Bypass(lambda: self.seconds))
        self.store.put(key("on disk"), ENTRY, NOW)
        self.store.flush()
        self.store.memory.clear()
        self.store.put(key("in memory"), ENTRY, NOW)
        self.threads: list[threading.Thread] = []

    def hang(self) -> None:
        """The disk hangs, and somebody waits for it."""
        self.disk.turning.clear()
        self.ask()
        assert self.disk.entered.acquire(timeout=60)

    def ask(self) -> None:
        """As the gateway does: in a thread, which it does not wait for."""
        thread = threading.Thread(target=self.store.recall, args=(key("on disk"), NOW), daemon=True)
        self.threads.append(thread)
        thread.start()

    def heal(self) -> None:
        self.disk.turning.set()
        for thread in self.threads:
            thread.join(60)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "cache.db")
    yield made
    made.heal()
    made.store.close()


def in_time(work: Callable[[], object]) -> object:
    """What ``work`` returns, which must not wait for the disk that hangs."""
    done: list[object] = []
    thread = threading.Thread(target=lambda: done.append(work()), daemon=True)
    thread.start()
    thread.join(30)
    assert done, "it waits for the disk"
    return done[0]


def test_after_one_has_waited_nobody_does(bench: Bench) -> None:
    bench.hang()
    assert bench.store.deep, "nobody has complained yet"
    bench.store.too_slow()
    assert not bench.store.deep
    assert in_time(lambda: bench.store.recall(key("on disk"), NOW)) is None
    assert in_time(lambda: bench.store.recall(key("in memory"), NOW)) == ENTRY
    in_time(lambda: bench.store.put(key("new"), ENTRY, NOW))
    assert in_time(lambda: bench.store.recall(key("new"), NOW)) == ENTRY


def test_a_disk_that_hangs_for_long_takes_no_further_threads(bench: Bench) -> None:
    bench.hang()
    bench.store.too_slow()
    for _ in range(20):
        bench.seconds += REST_SECONDS + 1
        assert not bench.store.deep, "the first has not come back: there is nothing to try"
        assert in_time(lambda: bench.store.recall(key("on disk"), NOW)) is None
    assert not bench.disk.entered.acquire(blocking=False)


def test_once_it_answers_it_is_tried_and_used_again(bench: Bench) -> None:
    bench.hang()
    bench.store.too_slow()
    bench.heal()
    assert not bench.store.deep, "not at once"
    bench.seconds += REST_SECONDS
    assert bench.store.deep
    assert bench.store.recall(key("on disk"), NOW) == ENTRY
    bench.seconds += 1
    assert bench.store.deep
    assert bench.store.peek(key("on disk"), NOW) == ENTRY


def test_the_try_lets_in_one_only(bench: Bench) -> None:
    bench.store.too_slow()
    bench.seconds += REST_SECONDS
    bench.hang()  # the one who tries
    assert not bench.store.deep
    assert in_time(lambda: bench.store.recall(key("on disk"), NOW)) is None
    bench.store.too_slow()
    bench.heal()
    assert not bench.store.deep


def test_what_came_too_late_is_not_dated_now(bench: Bench) -> None:
    """A look-up that hung for a minute must not put an old ``now`` into memory."""
    bench.hang()
    bench.store.too_slow()
    assert bench.store.peek(key("in memory"), NOW + 60) == ENTRY
    bench.heal()
    assert bench.store.peek(key("on disk"), NOW + 60) is None
    assert bench.store.peek(key("in memory"), NOW + 60) == ENTRY, "nothing was taken for a clock set back"


def test_a_delete_and_the_end_wait_for_a_while_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "DROP_SECONDS", 0.05)
    monkeypatch.setattr(database, "CLOSE_SECONDS", 0.05)
    bench = Bench(tmp_path / "cache.db")
    bench.hang()
    assert in_time(lambda: bench.store.drop(PUBLIC)) == 1, "of memory"
    assert bench.store.peek(key("in memory"), NOW) is None
    bench.store.too_slow()
    in_time(lambda: bench.store.close() or "closed")  # type: ignore[func-returns-value]
    bench.heal()
    bench.store.close()


@pytest.mark.parametrize("gone", ["file", "folder"])
def test_a_disk_that_is_gone_costs_answers_and_nothing_else(tmp_path: Path, gone: str) -> None:
    folder = tmp_path / "data"
    store = TieredStore(MemoryStore(10**6), SqliteStore(folder / "cache.db", SECRET, 10**6))
    store.put(key("in memory"), ENTRY, NOW)
    store.flush()
    if gone == "folder":
        shutil.rmtree(folder)
        folder.write_text("something else")  # so that it cannot be made again
    else:
        for file in folder.iterdir():
            file.unlink()
        (folder / "cache.db").mkdir()
    assert in_time(lambda: store.recall(key("other"), NOW)) is None
    in_time(lambda: store.put(key("new"), ENTRY, NOW))
    in_time(lambda: store.flush() or "flushed")  # type: ignore[func-returns-value]
    assert store.peek(key("new"), NOW) == ENTRY
    assert store.faults().unwritten == 1
    folder.unlink() if gone == "folder" else (folder / "cache.db").rmdir()
    store.put(key("later"), ENTRY, NOW)
    store.flush()
    assert store.disk is not None
    assert store.disk.get(key("later"), NOW) == ENTRY
    store.close()
