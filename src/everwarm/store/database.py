"""One SQLite file, one thread that writes to it in batches, one connection that reads.

    submit() -> _queue ── the writer thread: waits 50 ms or for BATCH items ─> one transaction ─> settle(items, written)
    read()   -> the reader's connection, under its lock

A request never waits for the disk: ``submit`` appends, and says no when ``queue_bytes`` are waiting. What cannot be
written is handed back to the owner (``settle``), who counts it and says what to try again; after a failure the writer
opens the file anew, so that it recovers by itself. Damage found at any time: the file is set aside and begun anew.
"""

from __future__ import annotations

import enum
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from everwarm.errors import StoreError
from everwarm.store.file import Schema, is_damage, is_surroundings, open_file, open_reader, set_aside, transaction

T = TypeVar("T")
R = TypeVar("R")

PAUSE_SECONDS = 0.05  # how long a write may wait for company
BATCH = 1000  # so many do not wait
BACKOFF_SECONDS = 1.0  # after a failed write, before the next
WARN_SECONDS = 60.0
QUEUE_BYTES = 32 * 2**20

_log = logging.getLogger("everwarm.store")


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
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self._schema = schema
        self._owner = owner
        self._queue_limit = queue_bytes
        self._clock = clock
        self._warned = -WARN_SECONDS
        self.unreadable = 0  # reads that failed, and files that were set aside
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)  # for the writer: there is something to do
        self._done = threading.Condition(self._lock)  # for flush: something was settled
        self._queue: list[T] = []
        self._queue_bytes = 0  # of the queue and of the batch that is being written
        self._submitted = self._settled = 0
        self._urgent = self._closing = False
        self._damage: tuple[sqlite3.Error, int] | None = None  # found by a reader in that generation, for the writer
        self._failing = self._reopen = False
        self._taken_bytes = 0
        self._reading = threading.Lock()
        self._generation = 0  # of the file; so that one damage is not dealt with twice
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._open()
        self._thread = threading.Thread(target=self._run, name=f"write {path.name}", daemon=True)
        self._thread.start()

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
        with self._reading:
            if self._reader is None:
                self._ask_to_open()
                return otherwise
            generation = self._generation
            try:
                return work(self._reader)
            except sqlite3.Error as error:
                if not (is_damage(error) or is_surroundings(error)):
                    raise
                self.unreadable += 1
                failure = error
        self._report_damage(failure, generation) if is_damage(failure) else self._warn("read", failure)
        return otherwise

    def flush(self) -> None:
        """Return when everything submitted so far is committed, or has failed."""
        with self._lock:
            goal = self._submitted
            self._urgent = True
            self._wake.notify()
            self._done.wait_for(lambda: self._settled >= goal or not self._thread.is_alive())

    def close(self) -> None:
        """Write what waits, and let go of the file."""
        with self._lock:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def _run(self) -> None:
        try:
            while (items := self._next()) is not None:
                again = self._deal(items) if items or self._writer is None else []
                with self._lock:
                    self._queue_bytes += len(again) - self._taken_bytes
                    self._settled += len(items)
                    if not (self._closing and self._failing):  # at the end there is no second try
                        self._queue[:0] = again
                        self._submitted += len(again)
                    self._done.notify_all()
        finally:
            self._let_go()
            with self._lock:
                self._closing = True
                self._done.notify_all()

    def _next(self) -> list[T] | None:
        """Wait for work and take it all. An empty list: only open the file again. None: it is over."""
        with self._lock:
            self._wake.wait_for(lambda: self._queue or self._closing or self._damage or self._reopen)
            if self._failing:
                self._wake.wait_for(lambda: self._urgent or self._closing, BACKOFF_SECONDS)
            elif not self._damage:
                self._wake.wait_for(self._pressing, PAUSE_SECONDS)
            damage, self._damage = self._damage, None
            if self._closing and not self._queue:
                return None
            items, self._queue = self._queue, []
            self._taken_bytes = self._queue_bytes
            self._urgent = self._reopen = False
        if damage is not None and damage[1] == self._generation:  # else the writer met it too
            self._begin_anew(damage[0])
        return items

    def _pressing(self) -> bool:
        return self._urgent or self._closing or len(self._queue) >= BATCH

    def _deal(self, items: list[T]) -> list[T]:
        """Write and settle; says what to try again. One item that SQLite refuses does not take the others with it."""
        outcome = self._attempt(items)
        if outcome is _Outcome.REFUSED and len(items) > 1:
            return [again for item in items for again in self._deal([item])]
        return list(self._owner.settle(items, outcome is _Outcome.WRITTEN))

    def _attempt(self, items: list[T]) -> _Outcome:
        """One transaction. If the file turns out to be damaged it is set aside and a new one gets the items."""
        for _ in range(2):
            try:
                if self._writer is None:
                    self._open()
                assert self._writer is not None
                with transaction(self._writer):
                    self._owner.apply(self._writer, items)
                self._failing = False
                return _Outcome.WRITTEN
            except (sqlite3.Error, StoreError) as error:
                self._let_go()
                if isinstance(error, StoreError) or is_surroundings(error):
                    return self._failed(error, _Outcome.FAILED)
                if not is_damage(error):
                    return self._failed(error, _Outcome.REFUSED)
                self._begin_anew(error)
            except Exception as error:  # noqa: BLE001  whatever an item does, it must not end the only thread that writes
                return self._failed(error, _Outcome.REFUSED)
        return _Outcome.FAILED

    def _failed(self, error: Exception, outcome: _Outcome) -> _Outcome:
        self._failing = True
        self._warn("written", error)
        return outcome

    def _warn(self, what: str, error: Exception) -> None:
        now = self._clock()
        if not 0 <= now - self._warned < WARN_SECONDS:
            self._warned = now
            _log.warning("%s cannot be %s (%s). Going on without it; trying again.", self.path, what, error)

    def _ask_to_open(self) -> None:
        with self._lock:
            if not self._closing:
                self.unreadable += 1
                self._reopen = True
                self._wake.notify()

    def _report_damage(self, error: sqlite3.Error, generation: int) -> None:
        with self._lock:
            self._damage = (error, generation)
            self._wake.notify()

    def _open(self) -> None:
        self._writer, aside = open_file(self.path, self._schema, self._clock)
        self.unreadable += aside is not None
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            try:
                self._reader = open_reader(self.path)
            except sqlite3.Error as error:
                raise StoreError(f"{self.path} cannot be read: {error}") from error
            self._generation += 1

    def _let_go(self) -> None:
        """Close the writer's connection; the next write opens the file anew, and judges it anew."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _begin_anew(self, damage: sqlite3.Error) -> None:
        """Set the file aside and open a new one. If even that fails, the next write tries again."""
        self._let_go()
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            self._generation += 1
        try:
            aside = set_aside(self.path, self._clock())
            _log.warning("%s is damaged (%s). It is now %s, and a new one is begun.", self.path, damage, aside)
            self._open()
        except StoreError as error:
            self._failed(error, _Outcome.FAILED)
