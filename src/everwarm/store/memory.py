"""Answers in memory: the first tier.

_spaces:  namespace id -> Space (``space.py``), each with its own order of use
_ranking: namespace ids by what they hold above their floor; who is first there loses what was not used for longest
_expiry:  heap of (expires, serial, namespace id); those that are gone are swept when they outnumber the others

Over the bound the expired go first, then as ``core/eviction.py`` says. Times are on the ``timeline``.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Mapping
from itertools import count

from everwarm.core.eviction import NO_QUOTA, Quota, Ranking, excess
from everwarm.core.key import ExactKey, Namespace
from everwarm.errors import Bug
from everwarm.store.protocol import Accounting, Entry, Faults
from everwarm.store.rules import alive, moved, weight
from everwarm.store.space import Item, Space
from everwarm.store.timeline import Timeline


class MemoryStore:
    """A ``Store`` in a dict, bounded by ``max_bytes`` as ``rules.weight`` counts them."""

    def __init__(self, max_bytes: int, quotas: Mapping[str, Quota] | None = None) -> None:
        self.max_bytes = max_bytes
        self.timeline = Timeline()  # may be replaced before the first use, by one that others share
        self._lock = threading.Lock()
        self._quotas = dict(quotas or {})
        self._spaces: dict[str, Space] = {}
        self._ranking = Ranking()
        self._expiry: list[tuple[float, int, str]] = []
        self._serial = count()
        self._entries = self._bytes = 0
        self._note_every = math.inf
        self._used: dict[int, tuple[ExactKey, float]] = {}  # by serial
        self._closed = False

    def get(self, key: ExactKey, now: float) -> Entry | None:
        with self._lock:
            timeline = self.timeline
            at = now + timeline.ahead
            if at > timeline.latest:  # as in ``timeline.at``: this is the hot path
                timeline.latest = at
            else:
                at = timeline.at(now)
            space = self._spaces.get(key.namespace.id)
            if space is None:
                return None
            item = space.found.get(key.digest)
            while item is not None and item.proof != key.proof:
                item = item.next
            if item is None:
                return None
            entry = item.entry
            if entry.created <= at < entry.expires:
                space.recent.move_to_end(item.serial)
                if at >= item.due:
                    item.due = at + self._note_every
                    self._used[item.serial] = (item.key, now)
                return moved(entry, -timeline.ahead) if timeline.ahead else entry
            if at >= entry.expires:
                self._remove(item)
            return None

    def put(self, key: ExactKey, entry: Entry, now: float) -> None:
        with self._lock:
            at = self.timeline.at(now)
            entry = moved(entry, self.timeline.ahead)
            space = self._spaces.get(key.namespace.id)
            old = space.find(key.digest, key.proof) if space is not None else None
            if old is not None:
                self._remove(old)
            quota = self._quotas.get(key.namespace.id, NO_QUOTA)
            room = self.max_bytes if quota.cap is None else min(quota.cap, self.max_bytes)
            if self._closed or not alive(entry, at) or weight(key.proof, entry) > room:
                return
            self._insert(key, entry, at)
            self._trim(at)

    def drop(
        self,
        namespace: Namespace,
        *,
        digest: bytes | None = None,
        tag: str | None = None,
        now: float | None = None,
    ) -> int:
        with self._lock:
            space = self._spaces.get(namespace.id)
            doomed = space.under(digest, tag) if space is not None else []
            for item in doomed:
                self._remove(item)
            return len(doomed)

    def set_quotas(self, quotas: Mapping[str, Quota]) -> None:
        with self._lock:
            self._quotas = dict(quotas)
            for space in list(self._spaces.values()):
                self._rank(space)
                self._keep_cap(space)

    def held(self, namespace: Namespace | None = None) -> Accounting:
        with self._lock:
            if namespace is None:
                return Accounting(self._entries, self._bytes)
            space = self._spaces.get(namespace.id)
            return Accounting(len(space.recent), space.bytes) if space else Accounting(0, 0)

    def faults(self) -> Faults:
        return Faults(0, 0, 0)

    def flush(self) -> None:
        """Nothing here survives, so there is nothing to wait for."""

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._clear()

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._clear()

    def note_use(self, every: float) -> None:
        """From now on note which entries are used, each at most once in ``every`` seconds, for ``used``."""
        with self._lock:
            self._note_every = every
            for item in self._items():
                item.due = -math.inf

    def used(self) -> list[tuple[ExactKey, float]]:
        """Which entries were used and when, as noted since the last call."""
        if not self._used:
            return []
        with self._lock:
            noted, self._used = self._used, {}
        return list(noted.values())

    def _items(self) -> list[Item]:
        return [item for space in self._spaces.values() for item in space.recent.values()]

    def _insert(self, key: ExactKey, entry: Entry, at: float) -> None:
        space = self._spaces.get(key.namespace.id)
        if space is None:
            space = self._spaces[key.namespace.id] = Space(key.namespace)
        item = Item(next(self._serial), space, key, entry, at + self._note_every)
        before = space.bytes
        space.add(item)
        self._entries += 1
        self._bytes += space.bytes - before
        self._rank(space)
        heapq.heappush(self._expiry, (entry.expires, item.serial, key.namespace.id))
        self._keep_cap(space)

    def _remove(self, item: Item) -> None:
        space = item.space
        before = space.bytes
        space.remove(item)
        self._entries -= 1
        self._bytes -= before - space.bytes
        if space.recent:
            self._rank(space)
        else:
            del self._spaces[space.namespace.id]
            self._ranking.forget(space.namespace.id)

    def _rank(self, space: Space) -> None:
        name = space.namespace.id
        self._ranking.set(name, excess(space.bytes, self._quotas.get(name, NO_QUOTA)))

    def _keep_cap(self, space: Space) -> None:
        cap = self._quotas.get(space.namespace.id, NO_QUOTA).cap
        while cap is not None and space.bytes > cap:
            self._remove(next(iter(space.recent.values())))

    def _trim(self, at: float) -> None:
        """Let the expired go, then the least recently used of who is furthest above its floor."""
        expiry = self._expiry
        while expiry and expiry[0][0] <= at:
            expired = self._item(heapq.heappop(expiry))
            if expired is not None:
                self._remove(expired)
        while self._bytes > self.max_bytes:
            space = self._spaces[self._ranking.largest()]
            self._remove(next(iter(space.recent.values())))
        if len(expiry) > 2 * self._entries + 1000:
            self._expiry = [due for due in expiry if self._item(due)]
            heapq.heapify(self._expiry)

    def _item(self, due: tuple[float, int, str]) -> Item | None:
        space = self._spaces.get(due[2])
        return space.recent.get(due[1]) if space is not None else None

    def _clear(self) -> None:
        for item in self._items():
            self._remove(item)
        self._expiry.clear()
        self._used.clear()

    def check_integrity(self) -> None:
        with self._lock:
            for space in self._spaces.values():
                space.check_integrity()
            items = self._items()
            ranked = {
                s.namespace.id: excess(s.bytes, self._quotas.get(s.namespace.id, NO_QUOTA))
                for s in self._spaces.values()
            }
            sound = (
                all(space.namespace.id == name for name, space in self._spaces.items())
                and self._entries == len(items)
                and self._bytes == sum(space.bytes for space in self._spaces.values()) <= self.max_bytes
                and {name: self._ranking[name] for name in self._spaces} == ranked
                and len(self._ranking) == len(ranked)
                and {(item.entry.expires, item.serial, item.space.namespace.id) for item in items} <= set(self._expiry)
            )
            if not sound:
                raise Bug("MemoryStore: its indexes disagree about what it holds.")
