"""Answers in memory: the first tier. Least recently used go first, expired ones before them.

_spaces: namespace id -> _Space ── found: digest -> [_Item, ...]   candidates; equal proofs decide
                                └─ tags:  tag    -> {_Item}
_recent: serial -> _Item, least recently used first
_expiry: heap of (expires, serial); serials that are gone are swept when they outnumber the others
"""

from __future__ import annotations

import heapq
import math
import threading
from collections import OrderedDict
from itertools import count
from typing import Any

from everwarm.core.key import ExactKey, Namespace
from everwarm.errors import Bug
from everwarm.store.protocol import Accounting, Entry, Faults
from everwarm.store.rules import SKEW, alive, weight


class _Space:
    """What one namespace holds."""

    __slots__ = ("bytes", "entries", "found", "id", "tags")

    def __init__(self, space_id: str) -> None:
        self.id = space_id
        self.found: dict[bytes, list[_Item]] = {}
        self.tags: dict[str, set[_Item]] = {}
        self.entries = 0
        self.bytes = 0


class _Item:
    """One entry and where it hangs. Compared and hashed by identity."""

    __slots__ = ("due", "entry", "key", "proof", "serial", "size", "space")

    def __init__(self, serial: int, space: _Space, key: ExactKey, entry: Entry, due: float) -> None:
        self.serial = serial
        self.space = space
        self.key = key
        self.proof = key.proof  # again: one step less on the hot path
        self.entry = entry
        self.size = weight(key.proof, entry)
        self.due = due  # from then on, a use is noted in _used


class MemoryStore:
    """A ``Store`` in a dict, bounded by ``max_bytes`` as ``rules.weight`` counts them."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._spaces: dict[str, _Space] = {}
        self._recent: OrderedDict[int, _Item] = OrderedDict()
        self._expiry: list[tuple[float, int]] = []
        self._serial = count()
        self._bytes = 0
        self._latest = -math.inf  # the latest now seen
        self._note_every = math.inf
        self._used: dict[int, tuple[ExactKey, float]] = {}  # by serial
        self._closed = False

    def get(self, key: ExactKey, now: float) -> Entry | None:
        with self._lock:
            if now > self._latest:
                self._latest = now
            elif now < self._latest - SKEW:
                self._set_back(now)
            space = self._spaces.get(key.namespace.id)
            if space is None:
                return None
            for item in space.found.get(key.digest, ()):
                if item.proof == key.proof:
                    return self._use(item, now)
            return None

    def _use(self, item: _Item, now: float) -> Entry | None:
        entry = item.entry
        if now >= entry.expires:
            self._remove(item)
            return None
        if now < entry.created:
            return None
        self._recent.move_to_end(item.serial)
        if now >= item.due:
            item.due = now + self._note_every
            self._used[item.serial] = (item.key, now)
        return entry

    def put(self, key: ExactKey, entry: Entry, now: float) -> None:
        with self._lock:
            if now < self._latest - SKEW:
                self._set_back(now)
            self._latest = max(self._latest, now)
            old = self._find(key)
            if old is not None:
                self._remove(old)
            if not alive(entry, now) or self._closed or weight(key.proof, entry) > self.max_bytes:
                return
            self._insert(key, entry, now)
            self._trim(now)

    def drop(self, namespace: Namespace, *, digest: bytes | None = None, tag: str | None = None) -> int:
        with self._lock:
            space = self._spaces.get(namespace.id)
            if space is None:
                return 0
            doomed = [item for items in _under(space, digest, tag) for item in items]
            for item in doomed:
                self._remove(item)
            return len(doomed)

    def held(self, namespace: Namespace | None = None) -> Accounting:
        with self._lock:
            if namespace is None:
                return Accounting(len(self._recent), self._bytes)
            space = self._spaces.get(namespace.id)
            return Accounting(space.entries, space.bytes) if space else Accounting(0, 0)

    def faults(self) -> Faults:
        return Faults(0, 0, 0)

    def flush(self) -> None:
        """Nothing here survives, so there is nothing to wait for."""

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._clear()

    def note_use(self, every: float) -> None:
        """From now on note which entries are used, each at most once in ``every`` seconds, for ``used``."""
        with self._lock:
            self._note_every = every
            for item in self._recent.values():
                item.due = -math.inf

    def used(self) -> list[tuple[ExactKey, float]]:
        """Which entries were used and when, as noted since the last call."""
        if not self._used:
            return []
        with self._lock:
            noted, self._used = self._used, {}
        return list(noted.values())

    def _find(self, key: ExactKey) -> _Item | None:
        space = self._spaces.get(key.namespace.id)
        candidates = space.found.get(key.digest, ()) if space else ()
        return next((item for item in candidates if item.proof == key.proof), None)

    def _insert(self, key: ExactKey, entry: Entry, now: float) -> None:
        space = self._spaces.get(key.namespace.id)
        if space is None:
            space = self._spaces[key.namespace.id] = _Space(key.namespace.id)
        item = _Item(next(self._serial), space, key, entry, now + self._note_every)
        space.found.setdefault(key.digest, []).append(item)
        for tag in entry.tags:
            space.tags.setdefault(tag, set()).add(item)
        space.entries += 1
        space.bytes += item.size
        self._bytes += item.size
        self._recent[item.serial] = item
        heapq.heappush(self._expiry, (entry.expires, item.serial))

    def _remove(self, item: _Item) -> None:
        space = item.space
        _discard(space.found, item.key.digest, item)
        for tag in set(item.entry.tags):
            _discard(space.tags, tag, item)
        space.entries -= 1
        space.bytes -= item.size
        self._bytes -= item.size
        del self._recent[item.serial]
        if not space.entries:
            del self._spaces[space.id]

    def _trim(self, now: float) -> None:
        """Let the expired go, then the least recently used, until what is left is within the bound."""
        expiry = self._expiry
        while expiry and expiry[0][0] <= now:
            expired = self._recent.get(heapq.heappop(expiry)[1])
            if expired is not None:
                self._remove(expired)
        while self._bytes > self.max_bytes:
            self._remove(next(iter(self._recent.values())))
        if len(expiry) > 2 * len(self._recent) + 1000:
            self._expiry = [at for at in expiry if at[1] in self._recent]
            heapq.heapify(self._expiry)

    def _set_back(self, now: float) -> None:
        """The clock was set back: what was created later than now can no longer be aged."""
        self._latest = now
        for item in [item for item in self._recent.values() if item.entry.created > now]:
            self._remove(item)

    def _clear(self) -> None:
        for item in list(self._recent.values()):
            self._remove(item)
        self._expiry.clear()
        self._used.clear()

    def check_integrity(self) -> None:
        with self._lock:
            for space_id, space in self._spaces.items():
                _check_space(space_id, space)
            items = [item for space in self._spaces.values() for found in space.found.values() for item in found]
            sound = (
                {item.serial: item for item in items} == self._recent
                and len(items) == len(self._recent)
                and self._bytes == sum(item.size for item in items) <= self.max_bytes
                and {(item.entry.expires, item.serial) for item in items} <= set(self._expiry)
            )
            if not sound:
                raise Bug("MemoryStore: its indexes disagree about what it holds.")


def _under(space: _Space, digest: bytes | None, tag: str | None) -> list[list[_Item]]:
    """The items of a namespace with this digest, or with this tag, or all."""
    if digest is not None:
        return [list(space.found.get(digest, ()))]
    if tag is not None:
        return [list(space.tags.get(tag, ()))]
    return [list(items) for items in space.found.values()]


def _discard(index: dict[Any, Any], at: bytes | str, item: _Item) -> None:
    items = index[at]
    items.remove(item)
    if not items:
        del index[at]


def _check_space(space_id: str, space: _Space) -> None:
    items = [item for found in space.found.values() for item in found]
    tagged = {(tag, item) for tag, tagged in space.tags.items() for item in tagged}
    sound = (
        space.id == space_id
        and space.entries == len(items) > 0
        and space.bytes == sum(item.size for item in items)
        and all(item.space is space and item.size == weight(item.proof, item.entry) for item in items)
        and all(item.key.digest == digest for digest, found in space.found.items() for item in found)
        and len({item.key for item in items}) == len(items)
        and tagged == {(tag, item) for item in items for tag in item.entry.tags}
    )
    if not sound:
        raise Bug(f"MemoryStore: the accounts of namespace {space_id} do not fit what it holds.")
