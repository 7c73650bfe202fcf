"""Answers on disk: the tier that survives a restart, and that several processes share. The ``Store`` contract over one
SQLite file.

    put  -> _pending (found by get at once) -> queue -> the writer thread -> entries, bodies, tags
    drop -> _pending (hides at once)        -> queue -> the writer thread
    get  -> _pending, else the file as the drops that wait let it be seen; its seal is checked before it is returned

Nothing here raises into a request, and ``put`` and ``touch`` never wait for the disk. ``get`` reads the disk, and
``drop``, ``flush`` and ``close`` wait for it: they belong in a worker thread.

Each process opens its own, after it was forked. What one has committed, the others find; what they hold in memory
besides, ``watch`` tells them to forget (``changes.py``).
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from everwarm.core.eviction import NO_QUOTA, Quota
from everwarm.core.key import ExactKey, Namespace
from everwarm.store import answers, changes, spaces
from everwarm.store.database import QUEUE_BYTES, Database
from everwarm.store.orders import Drop, Order, Pen, Purge, Put, Touch, Wake, in_batches, put_all
from everwarm.store.pending import Pending
from everwarm.store.protocol import Accounting, Entry, Faults
from everwarm.store.rules import alive, moved, weight
from everwarm.store.timeline import Timeline
from everwarm.store.verify import verify
from everwarm.store.watch import Watch

TOUCH_SECONDS = 60.0  # a use is written down at most that often per entry
EXPIRE_SECONDS = 10.0  # how often expired rows are looked for
EXPIRE_MOST = 2000  # and how many go at a time, so that no transaction is long
DROP_SECONDS = 5.0  # how long a drop waits for the disk


class SqliteStore:
    """``max_bytes`` bounds what ``rules.weight`` counts; ``queue_bytes`` what may wait for the disk in memory."""

    def __init__(
        self,
        path: Path,
        secret: bytes,
        max_bytes: int,
        quotas: Mapping[str, Quota] | None = None,
        *,
        queue_bytes: int = QUEUE_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.max_bytes = max_bytes
        self.timeline = Timeline()
        self._pen = Pen(secret, secrets.randbelow(2**62) + 1)
        self._quotas: Mapping[str, Quota] = dict(quotas or {})
        self._applied: Mapping[str, Quota] | None = None
        self._committed: Mapping[str, Quota] | None = None  # the quotas that the caps were last brought under
        self._lock = threading.Lock()
        self._pending = Pending()
        self._used: dict[int, float] = {}  # row id -> when, not yet written down
        self._purging: set[int] = set()
        self._expired_at = 0.0
        self._corrupt = self._unwritten = 0
        self._closed = False
        self._watch: Watch | None = None
        self._database: Database[Order] = Database(
            path, answers.SCHEMA, self, queue_bytes=queue_bytes, page_bytes=answers.PAGE_BYTES, clock=clock
        )
        clock_of_all = self._database.read(lambda connection: changes.read_clock(connection, secret), changes.NEVER)
        self.timeline.adopt(*clock_of_all)
        self.set_quotas(self._quotas)

    def get(self, key: ExactKey, now: float) -> Entry | None:
        with self._lock:
            if self._closed:
                return None
            at = self.timeline.at(now)
            put = self._pending.find(key)
            drops = self._pending.drops_of(key.namespace.id)
        if put is not None:
            return self._dated(put.entry, at)
        found = self._find(key)
        if found is None:
            return None
        if found.entry is None:
            self._lose(found.id)
            return None
        if not alive(found.entry, at) or any(drop.hides(key, found.entry) for drop in drops):
            return None
        if not 0 <= at - found.used < TOUCH_SECONDS:
            self._note_use(found.id, at)
        return self._dated(found.entry, at)

    def put(self, key: ExactKey, entry: Entry, now: float, *, began: float | None = None, fresh: bool = False) -> None:
        """As the contract says. With ``began``: not if, since then, any process has stored a newer answer for this key
        or dropped entries of this namespace. ``fresh``: there is surely nothing on disk under this digest."""
        size = weight(key.proof, entry)
        with self._lock:
            if self._closed:
                return
            at = self.timeline.at(now)
            entry = moved(entry, self.timeline.ahead)
            old = self._pending.find(key)
            if old is not None:
                self._pending.lift(old)
            cap = self._quotas.get(key.namespace.id, NO_QUOTA).cap
            if size > (self.max_bytes if cap is None else min(cap, self.max_bytes)) or not alive(entry, at):
                self._forget(key)
                return
            put = Put(key, entry, at, None if began is None else began + self.timeline.ahead, fresh)
            if self._database.submit(put, size):
                self._pending.add(put)
            else:
                self._unwritten += 1
                self._forget(key)

    def drop(
        self, namespace: Namespace, *, digest: bytes | None = None, tag: str | None = None, now: float | None = None
    ) -> int:
        """As the contract says. Waits for the disk, DROP_SECONDS at most; if that fails, the entries stay hidden here
        and it is tried again."""
        drop = Drop(namespace.id, digest, tag, at=None if now is None else self.timeline.at(now))
        with self._lock:
            if self._closed:
                return 0
            self._pending.lift_hidden(drop)
            self._enqueue_drop(drop)
        self._database.flush(DROP_SECONDS)
        return drop.count

    def set_quotas(self, quotas: Mapping[str, Quota]) -> None:
        with self._lock:
            self._quotas = dict(quotas)
        self._database.submit(Wake(), 64)

    def touch(self, used: Sequence[tuple[ExactKey, float]]) -> None:
        """Note that entries were used elsewhere, and when. Lost if too much waits for the disk: no harm."""
        if used:
            ahead = self.timeline.ahead
            self._database.submit(Touch([(key, now + ahead) for key, now in used]), 64 * len(used))

    def watch(self, tell: Callable[[Sequence[changes.Change] | None], None]) -> None:
        """From now on say what other processes put and dropped, within ``watch.EVERY`` seconds after they committed it
        and from a thread of its own; None: anything may have changed. Also sets right accounts that are not."""
        self._watch = Watch(self._database, self._pen, self.timeline, tell)

    def survey(self, take: Callable[[Iterable[bytes]], None]) -> None:
        """Give all digests on disk to ``take``, on a connection of its own; nothing, if the file cannot be read."""
        self._database.survey(lambda connection: take(answers.digests(connection)), None)

    def held(self, namespace: Namespace | None = None) -> Accounting:
        """What is on disk: up to 50 ms behind ``put``, unless flushed."""
        space = "" if namespace is None else namespace.id
        nothing = Accounting(0, 0)
        try:
            return self._database.read(lambda connection: spaces.held(connection, space), nothing)
        except sqlite3.Error:
            self._corrupt += 1
            return nothing

    def faults(self) -> Faults:
        return Faults(self._corrupt, self._database.unreadable, self._unwritten)

    def flush(self) -> None:
        self._database.flush()

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
        with self._lock:
            self._closed = True
        self._database.submit(Wake(), 64)  # writes the clock down
        self._database.close()
        self._pending.clear()

    def check_integrity(self) -> None:
        self.flush()
        self._database.read(lambda connection: verify(connection, self._pen.secret, self.max_bytes), None)

    def _dated(self, entry: Entry, at: float) -> Entry | None:
        """As the clock dates it, if it may be found."""
        return moved(entry, -self.timeline.ahead) if alive(entry, at) else None

    def _note_use(self, id_: int, at: float) -> None:
        with self._lock:
            if not self._used:
                self._database.submit(Wake(), 64)
            self._used[id_] = at

    def _find(self, key: ExactKey) -> answers.Found | None:
        try:
            return self._database.read(lambda connection: answers.find(connection, self._pen.secret, key), None)
        except sqlite3.Error:  # a row so damaged that SQLite cannot hand it over
            self._lose_all(key.namespace.id, key.digest)
            return None

    def _lose_all(self, space: str, digest: bytes) -> None:
        """The same for a row that cannot be pointed at: what has its digest goes."""
        with self._lock:
            if not self._pending.hides_all(space, digest):
                self._corrupt += 1
                self._enqueue_drop(Drop(space, digest, None))

    def _lose(self, id_: int) -> None:
        """Count and delete a row whose seal does not fit, once."""
        with self._lock:
            if id_ not in self._purging and self._database.submit(Purge(id_), 64):
                self._purging.add(id_)
                self._corrupt += 1

    def _forget(self, key: ExactKey) -> None:
        """Delete what the key has on disk: it is superseded."""
        self._enqueue_drop(Drop(key.namespace.id, key.digest, None, key.proof))

    def _enqueue_drop(self, drop: Drop) -> None:
        size = 128 + len(drop.proof or b"")
        if self._pending.has_room() and self._database.submit(drop, size, force=True):
            self._pending.add_drop(drop)

    def apply(self, connection: sqlite3.Connection, items: list[Order]) -> None:
        """In the writer thread, in a transaction."""
        with self._lock:
            used, self._used = self._used, {}
            quotas = self._applied = self._quotas
            caps_are_new = self._committed is not quotas
        changes.keep_clock(connection, self._pen.secret, self.timeline)
        for order in in_batches(items):
            if isinstance(order, list):
                put_all(connection, self._pen, order)
            else:
                order.apply(connection, self._pen)
        answers.touch(connection, used)
        now = self.timeline.latest
        if not 0 <= now - self._expired_at < EXPIRE_SECONDS:
            self._expired_at = now
            answers.expire(connection, now, EXPIRE_MOST)
            changes.prune_drops(connection, now)
        changes.prune(connection)
        written = {item.key.namespace.id for item in items if isinstance(item, Put)}
        spaces.keep_caps(connection, quotas if caps_are_new else written, quotas)
        spaces.trim(connection, self.max_bytes, quotas, now)

    def settle(self, items: list[Order], written: bool) -> Iterable[Order]:
        """In the writer thread: what was written need not be pending any more; what was not is counted."""
        again: list[Order] = []
        with self._lock:
            if written:
                self._committed = self._applied
            for item in items:
                if isinstance(item, Put):
                    self._pending.lift(item)
                    if not written:
                        self._unwritten += 1
                        again += self._instead(item)
                elif isinstance(item, Drop):
                    if written:
                        self._pending.settle(item)
                    else:
                        again.append(item)
                elif isinstance(item, Purge):
                    self._purging.discard(item.id)
        return again

    def _instead(self, put: Put) -> list[Order]:
        """A put that could not be written still supersedes what its key had on disk."""
        if not self._pending.has_room():
            return []
        drop = Drop(put.key.namespace.id, put.key.digest, None, put.key.proof)
        self._pending.add_drop(drop)
        return [drop]
