"""Answers on disk: the tier that survives a restart. The ``Store`` contract over one SQLite file.

    put  -> _pending (found by get at once) -> queue -> the writer thread -> entries, bodies, tags
    drop -> _drops   (hides at once)        -> queue -> the writer thread
    get  -> _pending, else the file as _drops let it be seen; its seal is checked before anything is returned

Nothing here raises into a request, and ``put`` and ``touch`` never wait for the disk. ``get`` reads the disk and
``drop``, ``flush`` and ``close`` wait for it: they belong in a worker thread.
"""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from everwarm.core.key import ExactKey, Namespace
from everwarm.store import answers
from everwarm.store.database import QUEUE_BYTES, Database
from everwarm.store.orders import Drop, Order, Purge, Put, Tidy, Touch
from everwarm.store.protocol import Accounting, Entry, Faults
from everwarm.store.rules import SKEW, alive, weight

TOUCH_SECONDS = 60.0  # a use is written down at most that often per entry
EXPIRE_SECONDS = 10.0  # how often expired rows are looked for
EXPIRE_MOST = 2000  # and how many go at a time, so that no transaction is long
DROPS_KEPT = 10_000  # deletions that wait for a failing disk


class SqliteStore:
    """``max_bytes`` bounds what ``rules.weight`` counts; ``queue_bytes`` what may wait for the disk in memory."""

    def __init__(
        self,
        path: Path,
        secret: bytes,
        max_bytes: int,
        *,
        queue_bytes: int = QUEUE_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.max_bytes = max_bytes
        self._secret = secret
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, bytes], list[Put]] = {}
        self._drops: list[Drop] = []
        self._used: dict[int, float] = {}  # row id -> when, not yet written down
        self._purging: set[int] = set()
        self._latest = -math.inf  # the latest now seen
        self._expired_at = -math.inf
        self._corrupt = self._unwritten = 0
        self._closed = False
        self._database: Database[Order] = Database(path, answers.SCHEMA, self, queue_bytes=queue_bytes, clock=clock)
        self._database.submit(Tidy(mend=True), 64)  # not before the start: it reads for a while if the file is large

    def get(self, key: ExactKey, now: float) -> Entry | None:
        space = key.namespace.id
        with self._lock:
            if self._closed:
                return None
            self._tell_time(now)
            for put in self._pending.get((space, key.digest), ()):
                if put.key.proof == key.proof:
                    return put.entry if alive(put.entry, now) else None
            drops = [drop for drop in self._drops if drop.space == space]
        found = self._find(key)
        if found is None:
            return None
        if found.entry is None:
            self._lose(found.id)
            return None
        if not alive(found.entry, now) or any(drop.hides(key, found.entry) for drop in drops):
            return None
        if not 0 <= now - found.used < TOUCH_SECONDS:
            self._note_use(found.id, now)
        return found.entry

    def put(self, key: ExactKey, entry: Entry, now: float) -> None:
        size = weight(key.proof, entry)
        with self._lock:
            if self._closed:
                return
            self._tell_time(now)
            self._hide(key)
            if size > self.max_bytes or not alive(entry, now):
                self._forget(key)
                return
            put = Put(key, entry, now)
            if self._database.submit(put, size):
                self._pending.setdefault((key.namespace.id, key.digest), []).append(put)
            else:
                self._unwritten += 1
                self._forget(key)

    def drop(self, namespace: Namespace, *, digest: bytes | None = None, tag: str | None = None) -> int:
        """As the contract says. Waits for the disk; if that fails, the entries stay hidden and it is tried again."""
        drop = Drop(namespace.id, digest, tag)
        with self._lock:
            if self._closed:
                return 0
            for at in [at for at in self._pending if at[0] == namespace.id]:
                for put in list(self._pending[at]):
                    if drop.hides(put.key, put.entry):
                        self._lift(put)
            self._enqueue_drop(drop)
        self._database.flush()
        return drop.count

    def touch(self, used: Sequence[tuple[ExactKey, float]]) -> None:
        """Note that entries were used elsewhere, and when. Lost if too much waits for the disk: no harm."""
        if used:
            self._database.submit(Touch(used), 64 * len(used))

    def held(self, namespace: Namespace | None = None) -> Accounting:
        """What is on disk: up to 50 ms behind ``put``, unless flushed."""
        space = "" if namespace is None else namespace.id
        nothing = Accounting(0, 0)
        try:
            return self._database.read(lambda connection: answers.held(connection, space), nothing)
        except sqlite3.Error:
            self._corrupt += 1
            return nothing

    def faults(self) -> Faults:
        return Faults(self._corrupt, self._database.unreadable, self._unwritten)

    def flush(self) -> None:
        self._database.flush()

    def close(self) -> None:
        with self._lock:
            self._closed = True
        self._database.close()
        self._pending.clear()

    def check_integrity(self) -> None:
        self.flush()
        self._database.read(lambda connection: answers.verify(connection, self._secret, self.max_bytes), None)

    def _note_use(self, id_: int, now: float) -> None:
        with self._lock:
            if not self._used:
                self._database.submit(Tidy(), 64)
            self._used[id_] = now

    def _find(self, key: ExactKey) -> answers.Found | None:
        try:
            return self._database.read(lambda connection: answers.find(connection, self._secret, key), None)
        except sqlite3.Error:  # a row so damaged that SQLite cannot hand it over
            self._lose_all(key.namespace.id, key.digest)
            return None

    def _lose_all(self, space: str, digest: bytes) -> None:
        """The same for a row that cannot be pointed at: what has its digest goes."""
        with self._lock:
            if not any((drop.space, drop.digest, drop.proof) == (space, digest, None) for drop in self._drops):
                self._corrupt += 1
                self._enqueue_drop(Drop(space, digest, None))

    def _lose(self, id_: int) -> None:
        """Count and delete a row whose seal does not fit, once."""
        with self._lock:
            if id_ not in self._purging and self._database.submit(Purge(id_), 64):
                self._purging.add(id_)
                self._corrupt += 1

    def _tell_time(self, now: float) -> None:
        """See that nothing comes from the future: at the first call, and when the clock was set back."""
        if now < self._latest - SKEW or self._latest == -math.inf:
            for put in [put for puts in self._pending.values() for put in puts if put.entry.created > now]:
                self._lift(put)
            self._database.submit(Tidy(now), 64, force=True)
            self._latest = now
        self._latest = max(self._latest, now)

    def _hide(self, key: ExactKey) -> None:
        """What waits under this key is superseded."""
        for put in list(self._pending.get((key.namespace.id, key.digest), ())):
            if put.key.proof == key.proof:
                self._lift(put)

    def _lift(self, put: Put) -> None:
        """Take a put out of what is pending, if it is still there."""
        at = (put.key.namespace.id, put.key.digest)
        puts = self._pending.get(at, [])
        if put in puts:
            puts.remove(put)
        if not puts:
            self._pending.pop(at, None)

    def _forget(self, key: ExactKey) -> None:
        """Delete what the key has on disk: it is superseded."""
        self._enqueue_drop(Drop(key.namespace.id, key.digest, None, key.proof))

    def _enqueue_drop(self, drop: Drop) -> None:
        if len(self._drops) < DROPS_KEPT and self._database.submit(drop, 128 + len(drop.proof or b""), force=True):
            self._drops.append(drop)

    def apply(self, connection: sqlite3.Connection, items: list[Order]) -> None:
        """In the writer thread, in a transaction."""
        with self._lock:
            used, self._used = self._used, {}
            now = self._latest
        for item in items:
            if isinstance(item, Put):
                answers.insert(connection, self._secret, item.key, item.entry, item.now)
            elif isinstance(item, Drop):
                item.apply(connection)
            elif isinstance(item, Purge):
                answers.purge(connection, (item.id,))
            elif isinstance(item, Touch):
                answers.touch_keys(connection, item.used)
            else:
                _tidy(connection, item)
        answers.touch(connection, used)
        if not 0 <= now - self._expired_at < EXPIRE_SECONDS:
            self._expired_at = now
            answers.expire(connection, now, EXPIRE_MOST)
        answers.trim(connection, self.max_bytes, now)

    def settle(self, items: list[Order], written: bool) -> Iterable[Order]:
        """In the writer thread: what was written need not be pending any more; what was not is counted."""
        again: list[Order] = []
        with self._lock:
            for item in items:
                if isinstance(item, Put):
                    self._lift(item)
                    if not written:
                        self._unwritten += 1
                        again += self._instead(item)
                elif isinstance(item, Drop):
                    if written:
                        self._drops.remove(item)
                    else:
                        again.append(item)
                elif isinstance(item, Purge):
                    self._purging.discard(item.id)
        return again

    def _instead(self, put: Put) -> list[Order]:
        """A put that could not be written still supersedes what its key had on disk."""
        if len(self._drops) >= DROPS_KEPT:
            return []
        drop = Drop(put.key.namespace.id, put.key.digest, None, put.key.proof)
        self._drops.append(drop)
        return [drop]


def _tidy(connection: sqlite3.Connection, order: Tidy) -> None:
    if order.mend:
        answers.mend(connection)
    if order.back_to is not None:
        answers.forget_future(connection, order.back_to)
