"""Memory over disk. The memory is a cache of what the disk holds; without a disk it is all there is.

``peek`` never leaves memory, so the event loop may call it. ``recall`` goes on to the disk and belongs in a worker
thread; where ``deep`` is false there is no disk, or it is being bypassed, and ``recall`` finds no more than ``peek``.

Where several processes have one disk, each has a memory of its own. What one of them replaced or dropped is forgotten
by the others within a second (``watch.EVERY``); what one has put, the others find on the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from everwarm.core.eviction import Quota
from everwarm.core.key import ExactKey, Namespace
from everwarm.store.bypass import Bypass
from everwarm.store.changes import Change
from everwarm.store.memory import MemoryStore
from everwarm.store.presence import Presence
from everwarm.store.protocol import Accounting, Entry, Faults
from everwarm.store.sqlite import TOUCH_SECONDS, SqliteStore


class TieredStore:
    """A ``Store`` made of two. It owns them: closing it closes them."""

    def __init__(
        self,
        memory: MemoryStore,
        disk: SqliteStore | None,
        bypass: Bypass | None = None,
        presence: Presence | None = None,
    ) -> None:
        """``presence``: only where no other process writes to the disk."""
        self.memory = memory
        self._presence = presence
        self.disk = disk
        self._bypass = bypass or Bypass()
        self._lock = threading.Lock()
        self._changes = 0  # puts and drops so far, ours and others'
        if disk is not None:
            memory.timeline = disk.timeline
            memory.note_use(TOUCH_SECONDS)  # so that what memory answers does not look unused on disk
            disk.watch(self._forget)
            if presence is not None:
                threading.Thread(target=disk.survey, args=(presence.fill,), name="everwarm-survey", daemon=True).start()

    @property
    def deep(self) -> bool:
        """Whether ``recall`` may find more than ``peek`` now."""
        return self.disk is not None and not self._bypass.closed

    def worth_asking(self, key: ExactKey) -> bool:
        """Whether ``recall`` may find more than ``peek`` for this key."""
        return self.deep and (self._presence is None or self._presence.may_hold(key.digest))

    def too_slow(self) -> None:
        """Say that a ``recall`` was given up because it took too long: the disk is bypassed for some seconds."""
        self._bypass.trip()

    def peek(self, key: ExactKey, now: float) -> Entry | None:
        """The entry, if it is in memory."""
        return self.memory.get(key, now)

    def recall(self, key: ExactKey, now: float) -> Entry | None:
        """The entry from memory, or from disk, and then in memory too. May read the disk."""
        entry = self.memory.get(key, now)
        if entry is not None or self.disk is None:
            return entry
        changes = self._changes
        with self._bypass.admit() as admitted:
            entry = self.disk.get(key, now) if admitted else None
        if entry is not None and not self._bypass.closed:  # else this took long, and its ``now`` is out of date
            with self._lock:
                if changes == self._changes:  # else this may already be replaced or dropped, and must not come back
                    self.memory.put(key, entry, now)
        return entry

    get = recall

    def put(self, key: ExactKey, entry: Entry, now: float, *, began: float | None = None) -> None:
        """Keep it in both. Does not wait for the disk.

        ``began``: when the answer was asked for. If another process has stored a newer one or dropped entries of the
        namespace since, then this one goes again as soon as that is seen, and the disk never has it.
        """
        fresh = self._presence is not None and not self._presence.may_hold(key.digest)
        if self._presence is not None:
            self._presence.add(key.digest)
        if self.disk is not None:
            self.disk.touch(self.memory.used())  # before what this pushes out is chosen
            self.disk.put(key, entry, now, began=began, fresh=fresh)
        with self._lock:
            self._changes += 1
            self.memory.put(key, entry, now)

    def drop(
        self, namespace: Namespace, *, digest: bytes | None = None, tag: str | None = None, now: float | None = None
    ) -> int:
        """Forget in both; the number of the tier that held more. Waits for the disk."""
        on_disk = self.disk.drop(namespace, digest=digest, tag=tag, now=now) if self.disk is not None else 0
        with self._lock:
            self._changes += 1
            return max(on_disk, self.memory.drop(namespace, digest=digest, tag=tag))

    def set_quotas(self, quotas: Mapping[str, Quota]) -> None:
        """Floors and caps by namespace id, in bytes of the disk (of memory, where there is no disk). In memory each has
        the same part of its bound."""
        if self.disk is not None:
            self.disk.set_quotas(quotas)
        whole = self.memory.max_bytes if self.disk is None else self.disk.max_bytes
        self.memory.set_quotas({name: quota.part(self.memory.max_bytes, whole) for name, quota in quotas.items()})

    def held(self, namespace: Namespace | None = None) -> Accounting:
        """What the disk holds; without one, the memory."""
        return self.memory.held(namespace) if self.disk is None else self.disk.held(namespace)

    def faults(self) -> Faults:
        return self.memory.faults() if self.disk is None else self.disk.faults()

    def flush(self) -> None:
        if self.disk is not None:
            self.disk.touch(self.memory.used())
            self.disk.flush()

    def close(self) -> None:
        self.memory.close()
        if self.disk is not None:
            self.disk.close()

    def check_integrity(self) -> None:
        self.memory.check_integrity()
        if self.disk is not None:
            self.disk.check_integrity()

    def _forget(self, changes: Sequence[Change] | None) -> None:
        """In the thread that watches: what others changed."""
        with self._lock:
            self._changes += 1
            if changes is None:
                self.memory.clear()
            for change in changes or ():
                self.memory.drop(Namespace(change.namespace), digest=change.digest, tag=change.tag)
