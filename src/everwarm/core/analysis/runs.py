"""Rows of block hashes, each known by its whole prefix: a trie whose nodes are runs of blocks that were used together.

The same hash after two different prefixes is two blocks: hashes of a trace may be those of a block's own tokens only.

Nodes part where rows part and where rows end, so a row is a path of whole nodes, and a node's blocks were all used by
the very same rows. There are at most two nodes a row, however long the rows are: 8 bytes a block, 24 to 32 a node.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import Struct
from typing import Final

WIDTH: Final = 8
"""Bytes of a packed hash."""

FEWEST: Final = 1 << 10
"""Places that the table of nodes has at least: a power of two."""

_HASH: Final = Struct("=Q").unpack_from


def pack(hashes: Sequence[int]) -> bytes:
    """A row as the trie takes it. ``OverflowError`` or ``TypeError`` if one is no integer of 0 to 2^64 - 1."""
    return array("Q", hashes).tobytes()


class Paths:
    """The nodes by their numbers, without the hashes: what a row shares with others, once all rows are known.

    Node 0 is no row at all. Each scope has a root of its own.
    """

    def __init__(self) -> None:
        self.parent = array("I", (0,))
        self.length = array("I", (0,))  # blocks of a node's own; 0: a root
        self.blocks = 0  # distinct ones

    def __len__(self) -> int:
        """Nodes, with the roots."""
        return len(self.parent)

    def to(self, node: int) -> list[int]:
        """The nodes of a row, the first first, without the root."""
        parent, length, found = self.parent, self.length, []
        while length[node]:
            found.append(node)
            node = parent[node]
        found.reverse()
        return found


class Runs:
    """Takes in rows. When all were, ``paths`` is all that is needed; the rest is most of the memory."""

    def __init__(self) -> None:
        self.paths = Paths()
        self._start = array("Q", (0,))  # where a node's blocks are in ``_hashes``, in bytes
        self._hashes = bytearray()
        self._table = array("I", bytes(4 * FEWEST))  # nodes by their parent and first hash; 0: nobody's place
        self._roots = {"": 0}

    def add(self, row: bytes, scope: str = "") -> int:
        """The node that a packed row ends with: the same one, whatever is added later.

        Rows of two scopes have nothing in common.
        """
        node, at = self._roots.get(scope, -1), 0
        if node < 0:
            node = self._root(scope)
        hashes, starts, parent, length = self._hashes, self._start, self.paths.parent, self.paths.length
        table, mask = self._table, len(self._table) - 1
        while at < len(row):
            first = _HASH(row, at)
            place = hash((node, first)) & mask
            while child := table[place]:
                start = starts[child]
                if parent[child] == node:
                    own = hashes[start : start + length[child] * WIDTH]
                    if row.startswith(own, at):
                        node, at = child, at + len(own)
                        break
                    if _HASH(own) == first:
                        alike = _alike(own, row, at)
                        node, at = self._part(place, child, alike), at + alike * WIDTH
                        table, mask = self._table, len(self._table) - 1
                        break
                place = (place + 1) & mask
            else:
                return self._grow(place, node, row[at:])
        return node

    def _root(self, scope: str) -> int:
        root = self._roots[scope] = self._node(0, 0, 0)
        return root

    def _node(self, parent: int, start: int, length: int) -> int:
        self.paths.parent.append(parent)
        self.paths.length.append(length)
        self._start.append(start)
        return len(self._start) - 1

    def _grow(self, place: int, parent: int, row: bytes) -> int:
        blocks = len(row) // WIDTH
        node = self._table[place] = self._node(parent, len(self._hashes), blocks)
        self._hashes += row
        self.paths.blocks += blocks
        if 2 * node > len(self._table) - 2:
            self._widen()
        return node

    def _part(self, place: int, node: int, length: int) -> int:
        """Take the first ``length`` blocks of a node into a new one before it. Rows that end with it still do."""
        paths, start = self.paths, self._start[node]
        upper = self._table[place] = self._node(paths.parent[node], start, length)
        paths.parent[node] = upper
        paths.length[node] -= length
        self._start[node] = start = start + length * WIDTH
        self._put(node)
        if 2 * upper > len(self._table) - 2:
            self._widen()
        return upper

    def _put(self, node: int) -> None:
        """Give it the first free place of those that it may have."""
        place, mask = hash((self.paths.parent[node], _HASH(self._hashes, self._start[node]))), len(self._table) - 1
        while self._table[place & mask]:
            place += 1
        self._table[place & mask] = node

    def _widen(self) -> None:
        """Four times the room: half of it is taken."""
        self._table = array("I", bytes(16 * len(self._table)))
        for node, blocks in enumerate(self.paths.length):
            if blocks:
                self._put(node)


def _alike(own: bytearray, row: bytes, at: int) -> int:
    """Blocks of a node, not all of them, that a row goes on with."""
    other = row[at : at + len(own)]
    differ = int.from_bytes(own, "little") ^ int.from_bytes(other, "little")
    blocks = ((differ & -differ).bit_length() - 1) // (8 * WIDTH) if differ else len(own)
    return min(blocks, len(other) // WIDTH)
