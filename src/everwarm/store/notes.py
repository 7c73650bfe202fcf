"""The layout engine's notes on disk, shared by the processes of a server: the ``Notes`` contract over one SQLite file.

    get  -> memory -> _pending -> disk, at most ``patient.SECONDS``; not asked where ``presence`` knows better
    put  -> memory, _pending -> queue -> the writer thread
    keep -> likewise, unless get finds one; where another process was faster, the writer thread brings what that wrote
    drop -> hidden, then the same; others find it when they write, and in a thread that looks for it (``follow``)

Nothing here raises into a request, and nothing waits for a disk that hangs: then notes are those of this process. What
cannot be written stays in memory, and is counted. Each process opens its own, after it was forked.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from everwarm.core.layout.notes import OVERHEAD, MemoryNotes, NoteKind, Place
from everwarm.store import note_table
from everwarm.store.bypass import Bypass
from everwarm.store.database import Database
from everwarm.store.note_orders import Drop, Order, Purge, Wake, Write
from everwarm.store.note_table import Found
from everwarm.store.patient import Patient
from everwarm.store.presence import Presence
from everwarm.store.protocol import Faults

R = TypeVar("R")

MEMORY_BYTES: Final = 16 * 2**20
QUEUE_BYTES: Final = 8 * 2**20
EVERY: Final = 0.25  # seconds between two looks for what other processes dropped
TOUCH_SECONDS: Final = 60.0  # a use is written down at most that often per note


News = tuple[int, int, list[str]]
"""A write, a later one, and the namespaces that other processes dropped in between."""


class DiskNotes:
    """``max_bytes`` bounds what is used of the file. ``alone``: no other process writes to it meanwhile.

    Raises StoreError if the file cannot be had; nothing raises later.
    """

    def __init__(
        self,
        path: Path,
        secret: bytes,
        max_bytes: int,
        *,
        alone: bool = True,
        memory_bytes: int = MEMORY_BYTES,
        bypass: Bypass | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._memory = MemoryNotes(min(memory_bytes, max_bytes))
        self._pending: dict[Place, Write] = {}  # not on disk yet
        self._dropping: list[Drop] = []  # not done on disk yet
        self._drops = 0  # so far
        self._used: list[Place] = []  # not written down yet
        self._noted: set[Place] = set()  # whose use is written down, or will be, in this minute
        self._noted_since = 0.0
        self._tell: Callable[[str], None] = lambda space: None
        self._news: News = 0, 0, []  # of the transaction under way
        self._stop = threading.Event()
        self._watching = threading.Thread(target=self._watch, name=f"watch {path.name}", daemon=True)
        self._corrupt = self._unwritten = 0
        self._database: Database[Order] = Database(path, note_table.SCHEMA, self, queue_bytes=QUEUE_BYTES, clock=clock)
        self._patient = Patient(f"read {path.name}", bypass)
        self._seen = self._dropped_since(0)[1]  # drops up to this write are known
        self._presence = Presence(max_bytes) if alone else None
        if self._presence is not None:
            threading.Thread(target=self._survey, name=f"survey {path.name}", daemon=True).start()

    def get(self, space: str, kind: NoteKind, name: bytes) -> bytes | None:
        """See ``Notes``."""
        place = (space, kind, name)
        with self._lock:
            value = self._memory.get(*place)
            if value is None and (write := self._pending.get(place)) is not None:
                value = write.value
        if value is None:
            value = self._look(place)
        if value is not None:
            self._note_use(place)
        return value

    def keep(self, space: str, kind: NoteKind, name: bytes, value: bytes) -> bytes:
        """See ``Notes``. Of processes that keep at the same moment the one stays that is written first; the others
        have it soon."""
        kept = self.get(space, kind, name)
        if kept is None:
            self._write(Write((space, kind, name), value, first=True))
            return value
        return kept

    def put(self, space: str, kind: NoteKind, name: bytes, value: bytes) -> None:
        """See ``Notes``."""
        self._write(Write((space, kind, name), value, first=False))

    def all(self, space: str, kind: NoteKind) -> Mapping[bytes, bytes]:
        """See ``Notes``. What this process wrote last counts more than what is on disk."""
        with self._lock:
            ours = {p[2]: write.value for p, write in self._pending.items() if p[:2] == (space, kind)}
            ours |= self._memory.all(space, kind)
            hidden = any(drop.space == space for drop in self._dropping)
        read = lambda c: note_table.find_all(c, self._secret, space, kind)  # noqa: E731
        nothing: dict[bytes, bytes] = {}
        return ours if hidden else {**self._read(read, nothing), **ours}

    def drop(self, space: str) -> None:
        """See ``Notes``. They are hidden at once, and deleted with the next write, or with the first that succeeds."""
        drop = Drop(space)
        with self._lock:
            self._drops += 1
            self._memory.drop(space)
            self._pending = {place: write for place, write in self._pending.items() if place[0] != space}
            if self._database.submit(drop, OVERHEAD, force=True):
                self._dropping.append(drop)

    def follow(self, tell: Callable[[str], None]) -> None:
        """From now on look a few times a second for namespaces that other processes have dropped. ``tell`` is called
        with each of them, in a thread, when it is forgotten here."""
        self._tell = tell
        self._watching.start()

    def faults(self) -> Faults:
        """Seals that did not fit, reads that failed, notes that could not be written; since opening."""
        return Faults(self._corrupt, self._database.unreadable, self._unwritten)

    def flush(self) -> None:
        """Return when everything so far is where it survives ``kill -9``, or could not be written."""
        self._database.flush()

    def close(self) -> None:
        """Write what waits. From then on notes are in memory only."""
        self._stop.set()
        if self._watching.is_alive():
            self._watching.join(EVERY)  # a look that hangs is not waited for
        self._database.submit(Wake(), OVERHEAD)  # the last uses
        self._database.close()
        self._patient.close()

    def _look(self, place: Place) -> bytes | None:
        """The note on disk, and then in memory too."""
        if self._presence is not None and not self._presence.may_hold(note_table.digest(place)):
            return None
        with self._lock:
            if any(drop.space == place[0] for drop in self._dropping):
                return None
            drops = self._drops
        found = self._read(lambda c: note_table.find(c, self._secret, place), None)
        if found is None or found.value is None:
            self._lose(found)
            return None
        with self._lock:
            if drops == self._drops:  # else it may be dropped by now, and must not come back
                self._memory.put(*place, found.value)
        return found.value

    def _read(self, work: Callable[[sqlite3.Connection], R], otherwise: R) -> R:
        try:
            return self._patient.ask(lambda: self._database.read(work, otherwise), otherwise)
        except sqlite3.Error:  # a row so damaged that SQLite cannot hand it over
            self._corrupt += 1
            return otherwise

    def _lose(self, found: Found | None) -> None:
        """Count and delete a row whose seal does not fit."""
        if found is not None and self._database.submit(Purge(found.id), OVERHEAD):
            self._corrupt += 1

    def _write(self, write: Write) -> None:
        place = write.place
        if self._presence is not None:
            self._presence.add(note_table.digest(place))
        with self._lock:
            self._memory.put(*place, write.value)
            self._noted.add(place)
            if self._database.submit(write, OVERHEAD + len(place[2]) + len(write.value)):
                self._pending[place] = write
            else:
                self._unwritten += 1

    def _note_use(self, place: Place) -> None:
        with self._lock:
            if place in self._noted:
                return
            self._noted.add(place)
            self._used.append(place)
            if len(self._used) == 1:
                self._database.submit(Wake(), OVERHEAD)

    def _survey(self) -> None:
        assert self._presence is not None
        fill = self._presence.fill
        self._database.survey(lambda c: fill(note_table.digest(place) for place in note_table.places(c)), None)

    def apply(self, connection: sqlite3.Connection, items: list[Order]) -> None:
        """In the writer thread, in a transaction."""
        with self._lock:
            used, self._used = self._used, []
            current = set(self._pending.values())
            if not 0 <= time.monotonic() - self._noted_since < TOUCH_SECONDS:
                self._noted, self._noted_since = set(used), time.monotonic()
        use = note_table.next_use(connection)
        note_table.touch(connection, used, use)
        since = self._seen
        last, dropped = note_table.dropped(connection, since)
        self._news = since, last, dropped
        for item in items:
            if isinstance(item, Drop):
                note_table.drop(connection, item.space, use)
            elif isinstance(item, Purge):
                note_table.purge(connection, item.id)
            elif isinstance(item, Write) and item in current and item.place[0] not in dropped:
                self._apply(connection, item, use)  # else something newer came, or it knows what was dropped
        note_table.prune(connection, self._max_bytes)

    def _apply(self, connection: sqlite3.Connection, write: Write, use: int) -> None:
        if write.first:
            write.value = note_table.keep(connection, self._secret, write.place, write.value, use)
        else:
            note_table.put(connection, self._secret, write.place, write.value, use)

    def _watch(self) -> None:
        while not self._stop.wait(EVERY):
            with self._lock:
                seen, busy = self._seen, bool(self._dropping)
            if not busy:  # else the writer thread will see all
                news = self._dropped_since(seen)
                with self._lock:
                    dropped = [] if self._dropping else self._forget(news)
                for space in dropped:
                    self._tell(space)

    def _dropped_since(self, use: int) -> News:
        nothing: tuple[int, list[str]] = use, []
        return use, *self._read(lambda c: note_table.dropped(c, use), nothing)

    def settle(self, items: list[Order], written: bool) -> Iterable[Order]:
        """In the writer thread: what was written need not be pending any more; what was not is counted."""
        again: list[Order] = []
        with self._lock:
            dropped = self._forget(self._news) if written else []
            for item in items:
                if isinstance(item, Write) and self._pending.get(item.place) is item:
                    del self._pending[item.place]
                    self._unwritten += not written
                    if written and item.first:
                        self._memory.put(*item.place, item.value)
                elif isinstance(item, Drop):
                    if written:
                        self._dropping.remove(item)
                    else:
                        again.append(item)
        for space in dropped:
            self._tell(space)
        return again

    def _forget(self, news: News) -> list[str]:
        """What others dropped, and what is not on disk yet: whoever wrote that knew what was dropped. The lock is held.
        Returns what others dropped; nothing if the other thread was faster."""
        since, use, dropped = news
        if self._seen != since:
            return []
        self._seen = use
        if dropped:
            self._drops += 1
            self._pending = {place: write for place, write in self._pending.items() if place[0] not in dropped}
            for space in dropped:
                self._memory.drop(space)
        return dropped
