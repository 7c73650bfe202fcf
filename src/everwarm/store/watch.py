"""A thread that reads, a few times a second, what other processes changed in the file."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence

from everwarm.store import changes, spaces
from everwarm.store.changes import Change, News, Seen
from everwarm.store.database import Database
from everwarm.store.orders import Mend, Order, Pen
from everwarm.store.timeline import Timeline

EVERY = 0.25
"""Seconds between two looks. With the 50 ms that a write may wait for company and the time of the write itself, what
one process replaced or dropped is gone from the memory of the others within one second, as long as the disk answers.
While it does not, they go on from memory; once it does again, they learn what they missed."""

_log = logging.getLogger("everwarm.store")


class Watch:
    """Looks once at once, so that nothing that comes later is missed; then in its own thread until closed."""

    def __init__(
        self,
        database: Database[Order],
        pen: Pen,
        timeline: Timeline,
        tell: Callable[[Sequence[Change] | None], None],
    ) -> None:
        self._database = database
        self._pen = pen
        self._timeline = timeline
        self._tell = tell
        self._seen = Seen()
        self._stop = threading.Event()
        self._look()
        name = database.path.name
        self._threads = [
            threading.Thread(target=self._run, name=f"watch {name}", daemon=True),
            threading.Thread(target=self._recount, name=f"count {name}", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """A look that hangs is not waited for."""
        self._stop.set()
        for thread in self._threads:
            thread.join(EVERY)

    def _recount(self) -> None:
        """Once: it reads for a while if the file is large."""
        if self._database.survey(spaces.skewed, False):
            self._database.submit(Mend(), 64)

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            self._look()

    def _look(self) -> None:
        try:
            news = self._database.read(self._read, News(self._seen, []))
        except sqlite3.Error as error:  # a damaged row
            _log.debug("%s: the log of changes cannot be read (%s)", self._database.path, error)
            news = News(Seen(), None)
        self._seen = news.seen
        if news.changes is None or news.changes:
            self._tell(news.changes)

    def _read(self, connection: sqlite3.Connection) -> News:
        ahead, _ = changes.read_clock(connection, self._pen.secret)
        self._timeline.adopt(ahead)
        return changes.since(connection, self._seen, self._pen.writer)
