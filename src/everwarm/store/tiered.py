"""Memory over disk. The memory is a cache of what the disk holds; without a disk it is all there is.

``peek`` never leaves memory, so the event loop may call it. ``recall`` goes on to the disk and belongs in a worker
thread; where ``deep`` is false there is no disk, and it finds no more than ``peek``.
"""

from __future__ import annotations

import threading

from everwarm.core.key import ExactKey, Namespace
from everwarm.store.memory import MemoryStore
from everwarm.store.protocol import Accounting, Entry, Faults
from everwarm.store.sqlite import TOUCH_SECONDS, SqliteStore


class TieredStore:
    """A ``Store`` made of two. It owns them: closing it closes them."""

    def __init__(self, memory: MemoryStore, disk: SqliteStore | None) -> None:
        self.memory = memory
        self.disk = disk
        self.deep = disk is not None
        self._lock = threading.Lock()
        self._changes = 0  # puts and drops so far
        if disk is not None:
            memory.note_use(TOUCH_SECONDS)  # so that what memory answers does not look unused on disk

    def peek(self, key: ExactKey, now: float) -> Entry | None:
        """The entry, if it is in memory."""
        return self.memory.get(key, now)

    def recall(self, key: ExactKey, now: float) -> Entry | None:
        """The entry from memory, or from disk, and then in memory too. May read the disk."""
        entry = self.memory.get(key, now)
        if entry is not None or self.disk is None:
            return entry
        changes = self._changes
        entry = self.disk.get(key, now)
        if entry is not None:
            with self._lock:
                if changes == self._changes:  # else this may already be replaced or dropped, and must not come back
                    self.memory.put(key, entry, now)
        return entry

    get = recall

    def put(self, key: ExactKey, entry: Entry, now: float) -> None:
        """Keep it in both. Does not wait for the disk."""
        if self.disk is not None:
            self.disk.touch(self.memory.used())  # before what this pushes out is chosen
            self.disk.put(key, entry, now)
        with self._lock:
            self._changes += 1
            self.memory.put(key, entry, now)

    def drop(self, namespace: Namespace, *, digest: bytes | None = None, tag: str | None = None) -> int:
        """Forget in both; the number of the tier that held more. Waits for the disk."""
        on_disk = self.disk.drop(namespace, digest=digest, tag=tag) if self.disk is not None else 0
        with self._lock:
            self._changes += 1
            return max(on_disk, self.memory.drop(namespace, digest=digest, tag=tag))

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
