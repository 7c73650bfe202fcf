"""One open SQLite file of ours: a connection that writes, one that reads, and what to do when it breaks or moves.

Readers never wait for a repair: they are told ``otherwise``, and ``ask`` (given by the owner) wakes the writer's
thread, the only one that opens, closes and sets aside.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from everwarm.store.blame import FAILURES, Failure, is_damage, is_surroundings
from everwarm.store.file import Identity, Schema, is_moved, open_file, put_aside

R = TypeVar("R")

WARN_SECONDS = 60.0

_log = logging.getLogger("everwarm.store")


class Trouble(NamedTuple):
    """What a reader found. Without an error: only that the file must be opened again."""

    error: Failure | None
    generation: int


class Handle:
    """``read`` may be called from any thread, everything else from one at a time."""

    def __init__(
        self,
        path: Path,
        schema: Schema,
        *,
        page_bytes: int,
        clock: Callable[[], float],
        ask: Callable[[Trouble], None],
    ) -> None:
        self.path = path
        self.writer: sqlite3.Connection | None = None
        self.unreadable = 0  # reads that failed, and files that were set aside
        self._schema = schema
        self._page_bytes = page_bytes
        self._clock = clock
        self._ask = ask
        self._reading = threading.Lock()
        self._reader: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._generation = 0  # of the file; so that one damage is not dealt with twice
        self._warned = -WARN_SECONDS
        self._closed = False

    def open(self) -> None:
        """Open the file; the reader too, in place of the one before. Raises StoreError."""
        opened = open_file(self.path, self._schema, self._clock, page_bytes=self._page_bytes)
        self.unreadable += opened.aside is not None
        self.writer = opened.writer
        with self._reading:
            self._close_reader()
            self._reader = opened.reader
            self._identity = opened.identity
            self._generation += 1

    def read(self, work: Callable[[sqlite3.Connection], R], otherwise: R) -> R:
        """What ``work`` returns, or ``otherwise`` (and count) if the file cannot be read. ``work`` fetches all.

        Errors of SQLite that are neither damage nor the surroundings' fault mean a damaged row; they are raised, since
        only the caller knows which.
        """
        with self._reading:
            if self._closed:
                return otherwise
            trouble = Trouble(None, self._generation)
            if self._reader is not None and not is_moved(self.path, self._identity):
                try:
                    return work(self._reader)
                except FAILURES as error:
                    if not (is_damage(error) or is_surroundings(error)):
                        raise
                    trouble = Trouble(error, self._generation)
            self.unreadable += 1
        if trouble.error is None or is_damage(trouble.error):
            self._ask(trouble)
        else:
            self.warn("read", trouble.error)
        return otherwise

    def let_go(self) -> None:
        """Close the writer's connection; the next write opens the file anew, and judges it anew."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None

    def let_go_if_moved(self) -> None:
        """Another process set the file aside, or somebody took it away: what is at its path now is ours too."""
        if self.writer is not None and is_moved(self.path, self._identity):
            self.let_go()

    def mend(self, trouble: Trouble) -> None:
        """Deal with what a reader found, unless that has been done since. Raises StoreError."""
        if trouble.generation != self._generation:
            return
        if trouble.error is None:
            self.let_go_if_moved()
            if self.writer is None:
                self.open()
        else:
            self.begin_anew(trouble.error)

    def begin_anew(self, damage: Failure) -> None:
        """Set the file aside and open a new one. Raises StoreError; then the next write tries again."""
        self.let_go()
        with self._reading:
            self._close_reader()
            self._generation += 1
        put_aside(self.path, self._identity, damage, self._clock())
        self.open()

    def close(self, patience: float) -> None:
        """Let go of both, unless a read hangs for so many seconds."""
        self._closed = True
        self.let_go()
        if self._reading.acquire(timeout=patience):
            self._close_reader()
            self._reading.release()

    def warn(self, what: str, error: Exception) -> None:
        """Once a minute."""
        now = self._clock()
        if not 0 <= now - self._warned < WARN_SECONDS:
            self._warned = now
            _log.warning("%s cannot be %s (%s). Going on without it; trying again.", self.path, what, error)

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
