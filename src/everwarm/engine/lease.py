"""What one sequence has of the KV cache."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from everwarm.core.chunks import Chunk
from everwarm.core.prefix import Node, pack
from everwarm.engine.shift import Shift

if TYPE_CHECKING:
    from everwarm.engine.cache import KvCache


class Lease:
    """The blocks of one sequence: shared ones, which are the tree's, and then its own.

    Full blocks go to the tree as soon as they are computed, so that others can share them while this sequence runs.
    """

    def __init__(self, cache: KvCache, node: Node, tokens: list[int], left: int) -> None:
        self.node = node  # the deepest one of the tree that it uses
        self.blocks = [n.block for n in node.path() if n.block is not None]
        self.left = left  # blocks promised to it
        self.known = 0  # tokens that it did not have to compute
        self.shifted = 0  # of these, in chunks that were computed at another place
        self.computed = 0  # tokens up to which all KV is there
        self.rests = True  # whether it may go to the tier below
        self.tokens = tokens
        self.shares = cache.keeps(len(tokens))  # how far its KV goes into the tree
        self._cache = cache
        self._chunks: deque[Chunk] = deque()  # behind what is computed

    @property
    def block(self) -> int:
        """Tokens of a block."""
        return self._cache.pool.size

    @property
    def pending(self) -> int:
        """Tokens that have to be computed."""
        return len(self.tokens) - self.computed - sum(chunk.length for chunk in self._chunks)

    @property
    def gap(self) -> int:
        """Tokens that have to be computed until there is one whose KV is there, or none."""
        return (self._chunks[0].start if self._chunks else len(self.tokens)) - self.computed

    @property
    def own(self) -> list[int]:
        """Blocks that are not in the tree."""
        return self.blocks[self.node.end // self._cache.pool.size :]

    def begin_like(self, tail: Node) -> None:
        """The next block begins as ``tail`` does: copy it, since both will go on in their own way."""
        assert tail.block is not None
        self.blocks.append(self._copy(tail.block))

    def lay(self, chunk: Chunk, shift: Shift) -> None:
        """Have the KV of ``chunk``, which lies behind all others. What is computed behind it is not for the tree."""
        self.reach(chunk.end)
        theirs = [node.block for node in chunk.node.path() if node.block is not None]
        shift.move(theirs, chunk.at, self.blocks, chunk.start, chunk.length)
        self.shares = min(self.shares, chunk.start)
        self.known += chunk.length
        self.shifted += chunk.length
        self._chunks.append(chunk)
        self._skip()

    def publish(self) -> None:
        """The prompt is complete: others may share its last block too, which is not full. We go on in a copy of it."""
        self._offer(self.node)
        rest = self._part_to_share()
        if rest and self.computed <= self.shares:  # else the block goes on with what is not the tree's
            place = self.node.end // self.block
            self._offer(self._share(rest))
            self.blocks[place] = self._copy(self.blocks[place])

    def reach(self, tokens: int) -> None:
        """Have blocks for so many tokens in all."""
        while len(self.blocks) * self._cache.pool.size < tokens:
            self.blocks.append(self._take())

    def advance(self, count: int) -> None:
        """The KV of the next ``count`` tokens has been computed."""
        self.computed += count
        self._skip()
        size = self._cache.pool.size
        while self.node.end + size <= min(self.computed, self.shares):
            self.node = self._share(self.tokens[self.node.end : self.node.end + size])
            self._cache.tree.hold(self.node)

    def close(self) -> None:
        """Give back everything. What was computed stays in the tree."""
        self._offer(self.node)
        if rest := self._part_to_share():
            self._offer(self._share(rest))
            del self.blocks[self.node.end // self._cache.pool.size]
        self._cache.pool.give(self.own)
        self._cache.promised -= self.left
        self.node.root.claimed -= self.left + len(self.own)
        self.left = 0
        self.blocks = []
        self._cache.tree.release(self.node)

    def _skip(self) -> None:
        """Go on behind the chunk that has been reached."""
        while self._chunks and self._chunks[0].start == self.computed:
            self.computed = self._chunks.popleft().end

    def _part_to_share(self) -> list[int]:
        """Tokens for the tree that do not fill a block."""
        return self.tokens[self.node.end : min(self.computed, self.shares)] if self._cache.reuse.answers else []

    def _share(self, tokens: list[int]) -> Node:
        """The tree's node for the next ``tokens``, which now has the KV. Ours, if it had none."""
        cache, place = self._cache, self.node.end // self._cache.pool.size
        node, spare = cache.tree.insert(self.node, pack(tokens), self.blocks[place], cache.clock())
        node.root.claimed -= 1
        if spare is not None:
            cache.pool.give([spare])
        assert node.block is not None
        self.blocks[place] = node.block
        return node

    def _offer(self, node: Node) -> None:
        if self.rests:
            self._cache.tier.offer(node)

    def _copy(self, source: int) -> int:
        """A block of our own with the KV of ``source``, which is the tree's."""
        block = self._take()  # perhaps the very one, let go of by the tree: nothing has overwritten it yet
        if block != source:
            self._cache.pool.copy(source, block)
        return block

    def _take(self) -> int:
        self.left -= 1
        return self._cache.take()
