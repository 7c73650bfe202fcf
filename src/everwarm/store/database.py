"""One SQLite file, one thread that writes to it in batches, one connection that reads.

    submit() -> _queue ── the writer thread: waits 50 ms or for BATCH items ─> one transaction ─> settle(items, written)
    read()   -> the reader's connection, under its lock

A request never waits for the disk: ``submit`` appends, and says no when ``queue_bytes`` are waiting. What cannot be
written is handed back to the owner (``settle``), who counts it and says what to try again; after a failure the writer
opens the file anew, so that it recovers by itself. Damage found at any time: the file is set aside and begun anew.

Several processes may each have a ``Database`` on the same file: every batch is one transaction that takes the right to
write first and waits ``file.BUSY_SECONDS`` for it. Each must open its own, after a fork and never before: neither
SQLite's connections nor threads survive one.
"""

from __future__ import annotations

import contextlib
import enum
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from everwarm.errors import StoreError
from everwarm.store.blame import FAILURES, Failure, is_damage, is_surroundings
from everwarm.store.file import PAGE_BYTES, Schema, open_reader, transaction
from everwarm.store.handle import Handle, Trouble

T = TypeVar("T")
R = TypeVar("R")

PAUSE_SECONDS = 0.05  # how long a write may wait for company
BATCH = 1000  # so many do not wait
BACKOFF_SECONDS = 1.0  # after a failed write, before the next
QUEUE_BYTES = 32 * 2**20
CLOSE_SECONDS = 10.0  # how long closing waits for a disk that hangs


class Owner(Protocol[T]):
    """Whose rows they are. Both methods run in the writer thread."""

    def apply(self, connection: sqlite3.Connection, items: list[T]) -> None:
        """Write the items, inside a transaction. May run again with the same items after a failure."""
        ...

    def settle(self, items: list[T], written: bool) -> Iterable[T]:
        """The items are committed, or could not be written; returns what to try again before anything newer."""
        ...


class _Outcome(enum.Enum):
    WRITTEN = enum.auto()
    FAILED = enum.auto()  # the surroundings: disk, rights, another process
    REFUSED = enum.auto()  # the items themselves


class Database(Generic[T]):
    """Opens (and if need be sets aside) ``path``. Raises StoreError if that cannot be done; nothing raises later."""

    def __init__(
        self,
        path: Path,
        schema: Schema,
        owner: Owner[T],
        *,
        queue_bytes: int = QUEUE_BYTES,
        page_bytes: int = PAGE_BYTES,
        pause: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``pause``: seconds that a write may wait for company, if not PAUSE_SECONDS."""
        self.path = path
        self._pause = pause
        self._owner = owner
        self._queue_limit = queue_bytes
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)  # for the writer: there is something to do
        self._done = threading.Condition(self._lock)  # for flush: something was settled
        self._queue: list[T] = []
        self._queue_bytes = 0  # of the queue and of the batch that is being written
        self._submitted = self._settled = 0
        self._urgent = self._closing = self._failing = self._last_try = False
        self._trouble: Trouble | None = None  # found by a reader, for the writer
        self._taken_bytes = 0
        self._handle = Handle(path, schema, page_bytes=page_bytes, clock=clock, ask=self._take_trouble)
        self._handle.open()
        self._thread = threading.Thread(target=self._run, name=f"write {path.name}", daemon=True)
        self._thread.start()

    @property
    def unreadable(self) -> int:
        """Reads that failed, and files that were set aside."""
        return self._handle.unreadable

    @unreadable.setter
    def unreadable(self, count: int) -> None:
        """For owners, who see failures of their own."""
        self._handle.unreadable = count

    def submit(self, item: T, size: int, *, force: bool = False) -> bool:
        """Queue a write of about ``size`` bytes of memory. False if it was not taken: too much waits already."""
        with self._lock:
            if self._closing or (self._queue_bytes + size > self._queue_limit and not force):
                return False
            self._queue.append(item)
            self._queue_bytes += size
            self._submitted += 1
            if len(self._queue) == 1 or len(self._queue) == BATCH:
                self._wake.notify()
            return True

    def read(self, work: Callable[[sqlite3.Connection], R], otherwise: R) -> R:
        """What ``work`` returns, or ``otherwise`` (and count) if the file cannot be read. ``work`` fetches all.

        Damage is dealt with by the writer, soon. Other errors of SQLite that are not the surroundings' fault mean a
        damaged row; they are raised, since only the caller knows which.
        """
        return self._handle.read(work, otherwise)

    def survey(self, work: Callable[[sqlite3.Connection], R], otherwise: R) -> R:
        """Like ``read``, on a connection of its own: for what takes long. Nothing is counted if it fails."""
        try:
            with contextlib.closing(open_reader(self.path)) as connection:
                return work(connection)
        except (*FAILURES, StoreError):
            return otherwise

    def flush(self, patience: float | None = None) -> bool:
        """Return when everything submitted so far is committed, or has failed; False if that takes longer."""
        with self._lock:
            goal = self._submitted
            self._urgent = True
            self._wake.notify()
            return self._done.wait_for(lambda: self._settled >= goal or not self._thread.is_alive(), patience)

    def close(self) -> None:
        """Write what waits, and let go of the file; a disk that hangs is waited for CLOSE_SECONDS."""
        with self._lock:
            self._closing = True
            self._wake.notify()
        self._thread.join(CLOSE_SECONDS)
        self._handle.close(0 if self._thread.is_alive() else CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            while (items := self._next()) is not None:
                again = self._deal(items) if items else []
                with self._lock:
                    self._queue_bytes += len(again) - self._taken_bytes
                    self._settled += len(items)
                    if not (self._closing and self._failing and self._last_try):
                        self._queue[:0] = again
                        self._submitted += len(again)
                    self._last_try = self._closing  # at the end there is one second try
                    self._done.notify_all()
        finally:
            self._handle.let_go()
            with self._lock:
                self._closing = True
                self._done.notify_all()

    def _next(self) -> list[T] | None:
        """Wait for work and take it all, if any. None: it is over."""
        with self._lock:
            self._wake.wait_for(lambda: self._queue or self._closing or self._trouble)
            if self._failing:
                self._wake.wait_for(lambda: self._urgent or self._closing, BACKOFF_SECONDS)
            elif not self._trouble:
                self._wake.wait_for(self._pressing, PAUSE_SECONDS if self._pause is None else self._pause)
            trouble, self._trouble = self._trouble, None
            if self._closing and not self._queue:
                return None
            items, self._queue = self._queue, []
            self._taken_bytes = self._queue_bytes
            self._urgent = False
        if trouble is not None:
            self._mend(trouble)
        return items

    def _pressing(self) -> bool:
        return self._urgent or self._closing or len(self._queue) >= BATCH

    def _mend(self, trouble: Trouble) -> None:
        try:
            self._handle.mend(trouble)
            self._failing = False
        except StoreError as error:
            self._failed(error, _Outcome.FAILED)

    def _deal(self, items: list[T]) -> list[T]:
        """Write and settle; says what to try again. One item that SQLite refuses does not take the others with it."""
        outcome = self._attempt(items)
        if outcome is _Outcome.REFUSED and len(items) > 1:
            return [again for item in items for again in self._deal([item])]
        return list(self._owner.settle(items, outcome is _Outcome.WRITTEN))

    def _attempt(self, items: list[T]) -> _Outcome:
        """One transaction. If the file turns out to be damaged it is set aside and a new one gets the items."""
        handle = self._handle
        for _ in range(2):
            try:
                handle.let_go_if_moved()
                if handle.writer is None:
                    handle.open()
                assert handle.writer is not None
                with transaction(handle.writer):
                    self._owner.apply(handle.writer, items)
                self._failing = False
                return _Outcome.WRITTEN
            except (*FAILURES, StoreError) as error:
                handle.let_go()
                if isinstance(error, StoreError) or is_surroundings(error):
                    return self._failed(error, _Outcome.FAILED)
                if not is_damage(error):
                    return self._failed(error, _Outcome.REFUSED)
                self._begin_anew(error)
            except Exception as error:  # noqa: BLE001  whatever an item does, it must not end the only thread that writes
                return self._failed(error, _Outcome.REFUSED)
        return _Outcome.FAILED

    def _begin_anew(self, damage: Failure) -> None:
        try:
            self._handle.begin_anew(damage)
        except StoreError as error:
            self._failed(error, _Outcome.FAILED)

    def _failed(self, error: Exception, outcome: _Outcome) -> _Outcome:
        self._failing = True
        self._handle.warn("written", error)
        return outcome

    def _take_trouble(self, trouble: Trouble) -> None:
        with self._lock:
            if not self._closing:
                self._trouble = trouble
                self._wake.notify()
