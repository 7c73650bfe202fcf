"""What one namespace holds in memory: its entries by digest, by tag, and by when they were used."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from everwarm.core.key import ExactKey, Namespace
from everwarm.errors import Bug
from everwarm.store.protocol import Entry
from everwarm.store.rules import weight


class Item:
    """One entry and where it hangs. Compared and hashed by identity; small, since there are many."""

    __slots__ = ("digest", "due", "entry", "next", "proof", "serial", "space")

    def __init__(self, serial: int, space: Space, key: ExactKey, entry: Entry, due: float) -> None:
        self.serial = serial
        self.space = space
        self.digest = key.digest
        self.proof = key.proof
        self.entry = entry
        self.due = due  # from then on, a use is noted
        self.next: Item | None = None  # another with the same digest

    @property
    def size(self) -> int:
        return weight(self.proof, self.entry)

    @property
    def key(self) -> ExactKey:
        return ExactKey(self.space.namespace, self.digest, self.proof)


class Space:
    """One namespace's part of a store. ``recent`` has the least recently used first."""

    __slots__ = ("bytes", "found", "namespace", "recent", "tags")

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.found: dict[bytes, Item] = {}  # the first of those with this digest
        self.tags: dict[str, set[Item]] = {}
        self.recent: OrderedDict[int, Item] = OrderedDict()  # by serial
        self.bytes = 0

    def find(self, digest: bytes, proof: bytes) -> Item | None:
        item = self.found.get(digest)
        while item is not None and item.proof != proof:
            item = item.next
        return item

    def add(self, item: Item) -> None:
        item.next = self.found.get(item.digest)
        self.found[item.digest] = item
        for tag in item.entry.tags:
            self.tags.setdefault(tag, set()).add(item)
        self.recent[item.serial] = item
        self.bytes += item.size

    def remove(self, item: Item) -> None:
        self._unchain(item)
        for tag in set(item.entry.tags):
            self.tags[tag].remove(item)
            if not self.tags[tag]:
                del self.tags[tag]
        del self.recent[item.serial]
        self.bytes -= item.size

    def under(self, digest: bytes | None, tag: str | None) -> list[Item]:
        """Those with this digest, or with this tag, or all."""
        if digest is not None:
            return list(_chain(self.found.get(digest)))
        return list(self.recent.values() if tag is None else self.tags.get(tag, ()))

    def _unchain(self, item: Item) -> None:
        before = self.found[item.digest]
        if before is not item:
            while before.next is not item:
                assert before.next is not None
                before = before.next
            before.next = item.next
        elif item.next is not None:
            self.found[item.digest] = item.next
        else:
            del self.found[item.digest]

    def check_integrity(self) -> None:
        """Raise ``Bug`` if the indexes do not agree."""
        items = [item for first in self.found.values() for item in _chain(first)]
        sound = (
            {item.serial: item for item in items} == self.recent
            and len(items) == len(self.recent) > 0
            and self.bytes == sum(item.size for item in items)
            and all(item.space is self for item in items)
            and all(item.digest == digest for digest, first in self.found.items() for item in _chain(first))
            and len({item.key for item in items}) == len(items)
            and _pairs(self.tags.items()) == {(tag, item) for item in items for tag in item.entry.tags}
        )
        if not sound:
            raise Bug(f"MemoryStore: what it says of namespace {self.namespace.id} does not fit what that holds.")


def _chain(item: Item | None) -> Iterator[Item]:
    while item is not None:
        yield item
        item = item.next


def _pairs(tags: Iterable[tuple[str, set[Item]]]) -> set[tuple[str, Item]]:
    return {(tag, item) for tag, items in tags for item in items}
