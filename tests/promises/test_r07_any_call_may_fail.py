"""r07: Fail the Nth I/O call for N = 1, 2, ... until a run has no failure: no wrong answer, no hang.

The calls are those to SQLite, of a memory over a disk: opening, reading, writing, watching. (Written against the store;
the gateway above it asks nothing else of the disk.)
"""

from __future__ import annotations

import sqlite3
import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from everwarm.core.key import PUBLIC, ExactKey, Namespace, exact_key
from everwarm.errors import StoreError
from everwarm.store import database, sqlite, watch
from everwarm.store.memory import MemoryStore
from everwarm.store.protocol import Entry
from everwarm.store.sqlite import SqliteStore
from everwarm.store.tiered import TieredStore

NOW = 1_800_000_000.0
SECRET = bytes(range(32))
OTHER = Namespace("b" * 32)
PATIENCE = 60.0  # seconds; a run takes far less than one

ERRORS = {
    "the disk fails": (sqlite3.SQLITE_IOERR, 1),
    "the disk is full": (sqlite3.SQLITE_FULL, 5),
    "another process holds the file": (sqlite3.SQLITE_BUSY, 5),
    "the file is damaged": (sqlite3.SQLITE_CORRUPT, 5),
}
"""What SQLite says, and which Ns are tried: every one with the first error, every fifth with the others."""

_connect = sqlite3.connect


class Fault:
    """Lets the Nth call fail."""

    def __init__(self, nth: int, code: int) -> None:
        self.left = nth
        self.code = code
        self.struck = False
        self._lock = threading.Lock()

    def count(self) -> None:
        with self._lock:
            self.left -= 1
            if self.left == 0:
                self.struck = True
                error = sqlite3.OperationalError("made to fail")
                error.sqlite_errorcode = self.code
                raise error

    def connect(self, path: object, **more: Any) -> sqlite3.Connection:
        if path == ":memory:":
            return _connect(path, **more)
        self.count()
        fault = self

        class Faulty(sqlite3.Connection):
            def execute(self, *args: Any) -> sqlite3.Cursor:
                fault.count()
                return super().execute(*args)

            def executemany(self, *args: Any) -> sqlite3.Cursor:
                fault.count()
                return super().executemany(*args)

        return _connect(path, factory=Faulty, **more)


def key(name: str, namespace: Namespace = PUBLIC) -> ExactKey:
    return exact_key(namespace, "openai_chat", "model", name.encode())


def entry(text: str) -> Entry:
    return Entry(text.encode() * 300, NOW, NOW + 1000, ("t",) if text.startswith("tagged") else ())


class Life:
    """What a server does with its store, twice; and what may be found, by key. Anything else would be wrong."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.may: dict[ExactKey, Entry] = {}
        self.refused = self.found = 0
        self.error: BaseException | None = None

    def live(self) -> None:
        try:
            for turn in range(2):
                self.once(turn)
        except StoreError:
            self.refused += 1  # a start that cannot be made is said, and is no wrong answer
        except BaseException as error:
            self.error = error

    def once(self, turn: int) -> None:
        store = TieredStore(MemoryStore(10**5), SqliteStore(self.path, SECRET, 10**5))
        try:
            self.look(store)
            for name in ("a", "b"):
                for space in (PUBLIC, OTHER):
                    self.put(store, key(name, space), f"{space.id} {name} {turn}")
            self.put(store, key("c"), f"tagged {turn}")
            store.flush()
            self.put(store, key("a"), f"replaced {turn}")
            self.look(store)
            store.drop(PUBLIC, tag="t")
            del self.may[key("c")]
            store.memory.clear()
            self.look(store)
            store.flush()
        finally:
            store.close()

    def put(self, store: TieredStore, at: ExactKey, text: str) -> None:
        store.put(at, entry(text), NOW)
        self.may[at] = entry(text)

    def look(self, store: TieredStore) -> None:
        for name in ("a", "b", "c"):
            for space in (PUBLIC, OTHER):
                found = store.get(key(name, space), NOW)
                self.found += found is not None
                assert found is None or found == self.may.get(key(name, space)), (name, space, found)


@pytest.mark.parametrize("error", ERRORS)
def test_no_wrong_answer_and_no_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    monkeypatch.setattr(database, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(sqlite, "DROP_SECONDS", PATIENCE / 2)
    monkeypatch.setattr(watch, "EVERY", 0.01)
    code, step = ERRORS[error]
    for nth in count(1, step):
        fault = Fault(nth, code)
        monkeypatch.setattr(sqlite3, "connect", fault.connect)
        life = run(Life(tmp_path / str(nth) / "cache.db"), f"call {nth}: it hangs")
        if life.error is not None:
            raise AssertionError(f"call {nth}") from life.error
        if not fault.struck:
            break
    assert nth > 100, "so few calls are no test"
    assert life.refused == 0
    assert life.found == (0 + 5 + 4) + (4 + 5 + 4), "where nothing fails, all is found: otherwise nothing was shown"


def run(life: Life, why: str) -> Life:
    thread = threading.Thread(target=life.live, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), why
    return life
