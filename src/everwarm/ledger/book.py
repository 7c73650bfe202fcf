"""The ledger: every request a row, kept for a month or until the file is full, added up as it is written.

``add`` only queues, and costs microseconds; a thread writes in batches (``store/database.py``). Reading waits until
what was added is written, and reads the disk: it belongs in a worker thread.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from everwarm.ledger import findings, tables
from everwarm.ledger.findings import Asked, Counted, Found, Looked
from everwarm.ledger.record import Row
from everwarm.ledger.sums import Sums, Tally, latency
from everwarm.store.database import Database
from everwarm.store.protocol import Faults

R = TypeVar("R")

LATENCY_ROWS = 10_000
"""Percentiles are exact, over so many newest requests: what it is like now, not on average over a month."""

RECENT_ROWS = 50
WORST = 5
"""Findings of the layout engine that are told."""
RECENTLY = 7 * 86400.0
"""Seconds. What was not found for longer has been repaired, or is not asked any more."""

ROW_BYTES = 640  # of memory, while a row waits: measured, rounded up
QUEUE_ROWS = 100_000
PAUSE_SECONDS = 0.5  # how long a row may wait for company: what ``kill -9`` may take of it


class Ledger:
    """Rows older than ``max_age_days`` go by whole hours; above ``max_bytes`` of file the oldest go."""

    def __init__(
        self,
        path: Path,
        max_age_days: float = 30,
        max_bytes: int = 256 * 2**20,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.max_age = max_age_days * 86400
        self.max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._pruned_hour = 0
        self._unwritten = 0
        self._database: Database[Row | Looked] = Database(
            path, tables.SCHEMA, self, queue_bytes=QUEUE_ROWS * ROW_BYTES, pause=PAUSE_SECONDS, clock=clock
        )

    def add(self, row: Row) -> None:
        """Take down one request. Never blocks and never raises; what cannot be written is counted."""
        if not self._database.submit(row, ROW_BYTES):
            self._count_unwritten(1)

    def look(self, looked: Looked) -> None:
        """Take down what the layout engine found in one request; as ``add``."""
        if not self._database.submit(looked, ROW_BYTES):
            self._count_unwritten(1)

    def rows(self, namespace: str | None = None, since: float | None = None, limit: int = RECENT_ROWS) -> list[Row]:
        """The newest rows of the namespace (None: of all), newest first."""
        self.flush()
        nothing: list[Row] = []
        return self._read(lambda connection: tables.newest(connection, namespace, since, limit), nothing)

    def sums(self, namespace: str | None = None, since: float | None = None) -> Sums:
        """What the namespace's requests (None: everybody's) from ``since`` on add up to.

        Where rows went for size, the hour that ``since`` falls into counts only those that are left of it.
        """
        self.flush()
        until = self._clock()

        def work(connection: sqlite3.Connection) -> Sums:
            tallies = tables.tallies(connection, namespace, since)
            pairs = tables.durations(connection, namespace, since, LATENCY_ROWS)
            recent = tables.newest(connection, namespace, since, RECENT_ROWS)
            begin = since if since is not None else sum(tallies.values(), Tally()).first or until
            found = _findings(connection, namespace, until)
            return Sums(namespace, begin, until, tallies, latency(pairs["hit"]), latency(pairs["miss"]), recent, found)

        return self._read(work, Sums(namespace, until, until, {}, latency(()), latency(()), ()))

    def streams(self) -> list[Counted]:
        """The streams of requests of the last week, over all namespaces; the ones with most requests first."""
        self.flush()
        nothing: list[Counted] = []
        return self._read(lambda connection: findings.streams(connection, self._clock() - RECENTLY), nothing)

    def stream(self, name: str) -> tuple[Sequence[Asked], Sequence[Found]]:
        """Who has asked in a stream, and what was found in it in the last week, over all namespaces."""
        self.flush()

        def work(connection: sqlite3.Connection) -> tuple[Sequence[Asked], Sequence[Found]]:
            since = self._clock() - RECENTLY
            return findings.asked(connection, name), findings.worst(connection, None, since, WORST, name)

        nothing: tuple[Sequence[Asked], Sequence[Found]] = (), ()
        return self._read(work, nothing)

    def faults(self) -> Faults:
        """Rows that could not be written, reads that failed; since opening."""
        return Faults(0, self._database.unreadable, self._unwritten)

    def flush(self) -> None:
        """Return when everything added so far is where it survives ``kill -9``, or could not be written."""
        self._database.flush()

    def close(self) -> None:
        self._database.close()

    def _read(self, work: Callable[[sqlite3.Connection], R], otherwise: R) -> R:
        try:
            return self._database.read(work, otherwise)
        except sqlite3.Error:  # a damaged row; the file itself is readable
            self._database.unreadable += 1
            return otherwise

    def _count_unwritten(self, rows: int) -> None:
        with self._lock:
            self._unwritten += rows

    def apply(self, connection: sqlite3.Connection, items: list[Row | Looked]) -> None:
        """In the writer thread, in a transaction."""
        if rows := [item for item in items if isinstance(item, Row)]:
            tables.append(connection, rows)
        if looked := [item for item in items if isinstance(item, Looked)]:
            findings.note(connection, looked)
        oldest_hour = int((self._clock() - self.max_age) // tables.HOUR)
        if oldest_hour != self._pruned_hour:
            tables.prune_age(connection, oldest_hour)
            self._pruned_hour = oldest_hour
        tables.prune_size(connection, self.max_bytes)

    def settle(self, items: list[Row | Looked], written: bool) -> Iterable[Row | Looked]:
        """In the writer thread."""
        if not written:
            self._count_unwritten(len(items))
        return ()


def _findings(connection: sqlite3.Connection, namespace: str | None, until: float) -> Sequence[Found]:
    return findings.worst(connection, namespace, until - RECENTLY, WORST)
