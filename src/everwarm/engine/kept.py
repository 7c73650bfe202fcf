"""Which segments are on disk, and which nodes of the tree they hold."""

from __future__ import annotations

from collections import Counter

from everwarm.core.key import Namespace
from everwarm.core.prefix import Node, pack
from everwarm.core.radix import Radix
from everwarm.core.segments import Segment, SegmentStore


class Kept:
    """The segments of a store. ``size``: tokens of a block."""

    def __init__(self, store: SegmentStore, tree: Radix, size: int) -> None:
        self._store = store
        self._tree = tree
        self._size = size
        self._ends: dict[bytes, Node] = {}  # the last node of each segment, by the segment's name
        self._segments: dict[bytes, Segment] = {}
        self._following: dict[bytes, set[bytes]] = {}  # the segments that continue one
        self._bytes: Counter[str] = Counter()  # by namespace

    def __contains__(self, segment: Segment) -> bool:
        return self._segments.get(segment.name) == segment

    def __len__(self) -> int:
        return len(self._segments)

    def load(self, now: float) -> None:
        """Put all that is stored into the tree, the last used warmest. ``StoreError`` if there can be no store."""
        segments = self._store.open()
        for age, segment in zip(range(len(segments), 0, -1), segments, strict=True):
            self.add(segment)
            self._tree.warm(self._ends[segment.name], now - age)

    def add(self, segment: Segment) -> None:
        """It is on disk now. What it continues is, too."""
        node = self._start(segment)
        for at in range(0, len(segment.tokens), self._size):
            node = self._tree.store(node, pack(segment.tokens[at : at + self._size]), segment)
        self._ends[segment.name] = node
        self._segments[segment.name] = segment
        self._following.setdefault(segment.parent, set()).add(segment.name)
        self._bytes[segment.namespace] += segment.size

    def nodes(self, segment: Segment) -> list[Node]:
        """The nodes of a segment, in order."""
        node, found = self._ends[segment.name], []
        while node.parent is not None and node.end > segment.start:
            found.append(node)
            node = node.parent
        return found[::-1]

    def remove(self, segment: Segment) -> None:
        """It is not on disk any more, nor is what continues it."""
        for name in list(self._following.get(segment.name, ())):
            self.remove(self._segments[name])
        for node in reversed(self.nodes(segment)):
            if node.stored is segment:
                self._tree.forget(node)
        del self._ends[segment.name], self._segments[segment.name]
        self._following.pop(segment.name, None)
        self._following[segment.parent].discard(segment.name)
        self._bytes[segment.namespace] -= segment.size
        self._store.remove(segment)

    def room(self, size: int, node: Node, parent: bytes) -> bool:
        """Whether there is room for ``size`` bytes more, of ``node``, in a segment that continues ``parent``.

        Colder segments go for it; if the share is full, nothing goes for what has not been reused yet.
        """
        if self._store.held + size <= self._store.capacity:
            return True
        while node.hits and self._store.held + size > self._store.capacity:
            victim = self._coldest(parent)
            if victim is None or self._ends[victim.name].heat >= node.heat:
                return False
            self.remove(victim)
        return bool(node.hits)

    def _coldest(self, parent: bytes) -> Segment | None:
        """Of the segments that nothing continues, of the namespace that holds most. Not ``parent``."""
        last = [s for s in self._segments.values() if not self._following.get(s.name) and s.name != parent]
        return min(last, key=lambda s: (-self._bytes[s.namespace], self._ends[s.name].heat), default=None)

    def _start(self, segment: Segment) -> Node:
        """What a segment continues: the end of a node of its parent, or the root."""
        if not segment.parent:
            return self._tree.match(Namespace(segment.namespace), b"").node.root
        node = self._ends[segment.parent]
        while node.end > segment.start and node.parent is not None:
            node = node.parent
        return node
