"""Rows of blocks as numbers: a row is known by its last step, and shares all before it with others."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from everwarm.core.analysis.latest import Latest


class Prefixes:
    """A trie in three arrays. Prefix 0 is the empty one. 12 bytes a prefix, and an entry in a table."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}  # parent and block in one integer -> the prefix
        self.parent = array("I", (0,))
        self.block = array("I", (0,))
        self.length = array("I", (0,))  # in blocks
        self._paths: Latest[int, list[int]] = Latest()

    def __len__(self) -> int:
        return len(self.parent)

    def after(self, prefix: int, block: int) -> int:
        """The number of ``prefix`` followed by ``block``; a new one if it was not seen before."""
        return self.of((block,), prefix)

    def of(self, blocks: Iterable[int], prefix: int = 0) -> int:
        """The number of a whole row, behind ``prefix``."""
        known, parents, lasts, lengths = self._known, self.parent, self.block, self.length
        for block in blocks:
            key = prefix << 32 | block
            found = known.get(key)
            if found is None:
                found = known[key] = len(parents)
                parents.append(prefix)
                lasts.append(block)
                lengths.append(lengths[prefix] + 1)
            prefix = found
        return prefix

    def path(self, prefix: int) -> list[int]:
        """The prefixes that end with it, the shortest first, without the empty one. Not to be changed: that of a prefix
        which was asked for lately is kept, and those of its continuations are made from it."""
        kept = self._paths
        if prefix in kept:
            return kept[prefix]
        path, at, parent = [], prefix, self.parent
        while at and at not in kept:
            path.append(at)
            at = parent[at]
        path.reverse()
        if at:
            path = kept[at] + path
        kept.keep(prefix, path)
        return path

    def row(self, prefix: int) -> list[int]:
        """The blocks that it is made of."""
        block = self.block
        return [block[each] for each in self.path(prefix)]
