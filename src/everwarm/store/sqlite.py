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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from everwarm.core.key import ExactKey, Namespace
from everwarm.store import answers
from everwarm.store.database import QUEUE_BYTES, Database
from everwarm.store.protocol import Accounting, Entry, Faults
from everwarm.store.rules import SKEW, alive, weight

TOUCH_SECONDS = 60.0  # a use is written down at most that often per entry
EXPIRE_SECONDS = 10.0  # how often expired rows are looked for
EXPIRE_MOST = 2000  # and how many go at a time, so that no transaction is long
DROPS_KEPT = 10_000  # deletions that wait for a failing disk


@dataclass(eq=False, slots=True)
class _Put:
    key: ExactKey
    entry: Entry
    now: float


@dataclass(eq=False, slots=True)
class _Drop:
    space: str
    digest: bytes | None
    tag: str | None
    proof: bytes | None = None  # with a digest: only the entry of exactly this key
    count: int = 0  # set by the writer

    def hides(self, key: ExactKey, entry: Entry) -> bool:
        if self.digest is not None:
            return self.digest == key.digest and self.proof in (None, key.proof)
        return self.tag is None or self.tag in entry.tags

    def apply(self, connection: sqlite3.Connection) -> None:
        if self.digest is not None and self.proof is not None:
            self.count = answers.drop_same(connection, self.space, self.digest, self.proof)
        else:
            self.count = answers.drop(connection, self.space, self.digest, self.tag)


@dataclass(eq=False, slots=True)
class _Purge:
    id: int


@dataclass(eq=False, slots=True)
class _Tidy:
    """Only wakes the writer: uses to write down, or the clock was set back to ``now``."""

    back_to: float | None = None


_Item = _Put | _Drop | _Purge | _Tidy


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
        self._pending: dict[tuple[str, bytes], list[_Put]] = {}
        self._drops: list[_Drop] = []
        self._used: dict[tuple[str, bytes], float] = {}
        self._purging: set[int] = set()
        self._latest = -math.inf  # the latest now seen
        self._expired_at = -math.inf
        self._corrupt = self._unwritten = 0
        self._closed = False
        self._database: Database[_Item] = Database(path, answers.SCHEMA, self, queue_bytes=queue_bytes, clock=clock)

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
            self.touch({(space, key.digest): now})
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
            put = _Put(key, entry, now)
            if self._database.submit(put, size):
                self._pending.setdefault((key.namespace.id, key.digest), []).append(put)
            else:
                self._unwritten += 1
                self._forget(key)

    def drop(self, namespace: Namespace, *, digest: bytes | None = None, tag: str | None = None) -> int:
        """As the contract says. Waits for the disk; if that fails, the entries stay hidden and it is tried again."""
        drop = _Drop(namespace.id, digest, tag)
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

    def touch(self, used: Mapping[tuple[str, bytes], float]) -> None:
        """Note when entries were used: (namespace id, digest) -> seconds since 1970."""
        if not used:
            return
        with self._lock:
            if not self._used:
                self._database.submit(_Tidy(), 64)
            self._used.update(used)

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

    def _find(self, key: ExactKey) -> answers.Found | None:
        try:
            return self._database.read(lambda connection: answers.find(connection, self._secret, key), None)
        except sqlite3.Error:  # a row so damaged that SQLite cannot hand it over
            with self._lock:
                self._corrupt += 1
                self._enqueue_drop(_Drop(key.namespace.id, key.digest, None))  # its proof may be what is damaged
            return None

    def _lose(self, id_: int) -> None:
        """Count and delete a row whose seal does not fit, once."""
        with self._lock:
            if id_ not in self._purging and self._database.submit(_Purge(id_), 64):
                self._purging.add(id_)
                self._corrupt += 1

    def _tell_time(self, now: float) -> None:
        if now < self._latest - SKEW:
            for put in [put for puts in self._pending.values() for put in puts if put.entry.created > now]:
                self._lift(put)
            self._database.submit(_Tidy(now), 64, force=True)
            self._latest = now
        self._latest = max(self._latest, now)

    def _hide(self, key: ExactKey) -> None:
        """What waits under this key is superseded."""
        for put in list(self._pending.get((key.namespace.id, key.digest), ())):
            if put.key.proof == key.proof:
                self._lift(put)

    def _lift(self, put: _Put) -> None:
        """Take a put out of what is pending, if it is still there."""
        at = (put.key.namespace.id, put.key.digest)
        puts = self._pending.get(at, [])
        if put in puts:
            puts.remove(put)
        if not puts:
            self._pending.pop(at, None)

    def _forget(self, key: ExactKey) -> None:
        """Delete what the key has on disk: it is superseded."""
        self._enqueue_drop(_Drop(key.namespace.id, key.digest, None, key.proof))

    def _enqueue_drop(self, drop: _Drop) -> None:
        if len(self._drops) < DROPS_KEPT and self._database.submit(drop, 128 + len(drop.proof or b""), force=True):
            self._drops.append(drop)

    def apply(self, connection: sqlite3.Connection, items: list[_Item]) -> None:
        """In the writer thread, in a transaction."""
        with self._lock:
            used, self._used = self._used, {}
            now = self._latest
        for item in items:
            if isinstance(item, _Put):
                answers.insert(connection, self._secret, item.key, item.entry, item.now)
            elif isinstance(item, _Drop):
                item.apply(connection)
            elif isinstance(item, _Purge):
                answers.purge(connection, (item.id,))
            elif item.back_to is not None:
                answers.forget_future(connection, item.back_to)
        answers.touch(connection, used)
        if not 0 <= now - self._expired_at < EXPIRE_SECONDS:
            self._expired_at = now
            answers.expire(connection, now, EXPIRE_MOST)
        answers.trim(connection, self.max_bytes, now)

    def settle(self, items: list[_Item], written: bool) -> Iterable[_Item]:
        """In the writer thread: what was written need not be pending any more; what was not is counted."""
        again: list[_Item] = []
        with self._lock:
            for item in items:
                if isinstance(item, _Put):
                    self._lift(item)
                    if not written:
                        self._unwritten += 1
                        again += self._instead(item)
                elif isinstance(item, _Drop):
                    if written:
                        self._drops.remove(item)
                    else:
                        again.append(item)
                elif isinstance(item, _Purge):
                    self._purging.discard(item.id)
        return again

    def _instead(self, put: _Put) -> list[_Item]:
        """A put that could not be written still supersedes what its key had on disk."""
        if len(self._drops) >= DROPS_KEPT:
            return []
        drop = _Drop(put.key.namespace.id, put.key.digest, None, put.key.proof)
        self._drops.append(drop)
        return [drop]
