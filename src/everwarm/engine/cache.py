"""The KV cache: the prefix tree over the pool. It hands out leases."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from everwarm.core.chunks import Chunk, find
from everwarm.core.key import Namespace
from everwarm.core.prefix import WIDTH, Match, Node, pack
from everwarm.core.radix import Radix
from everwarm.engine.pool import SPARE, BlockPool
from everwarm.engine.shift import Shift
from everwarm.engine.tier import NoDisk, Tier

EVICTED_AT_ONCE = 8  # blocks

LEAST_SHIFTED = 128
"""Tokens of a chunk, at least, for it to be shifted and not computed."""

RECOMPUTED = 16
"""Tokens of a chunk, its first ones, that are computed nevertheless."""


class Reuse(NamedTuple):
    """What may be reused."""

    grain: int  # tokens: prefixes are reused in whole multiples of it
    answers: bool  # whether what was decoded is kept too, and a part of a block


TO_THE_TOKEN = Reuse(1, answers=True)


class KvCache:
    """Whoever wants the KV of a prompt gets a ``Lease``. Not safe for use from two threads.

    Every block is free, in the tree, or the own one of one lease. What a lease may still take is promised to it, so a
    sequence that was let in never waits for a block again.
    """

    def __init__(self, pool: BlockPool, reuse: Reuse, clock: Callable[[], float]) -> None:
        self.pool = pool
        self.tree = Radix(pool.size)
        self.reuse = reuse
        self.promised = 0  # blocks that leases may still take
        self.tier: Tier = NoDisk()
        self.shift: Shift | None = None  # where KV may be moved
        self.seconds_a_token = 0.002  # that computing a prompt takes; whoever measures it sets it
        self.clock = clock

    def known(self, namespace: Namespace, prompt: bytes) -> int:
        """Tokens of a packed ``prompt`` that need not be computed. Changes nothing."""
        return self._usable(self.tree.match(namespace, prompt), len(prompt) // WIDTH)

    def lease(self, namespace: Namespace, tokens: list[int], most: int) -> Lease | None:
        """The KV of as much of ``tokens`` as is known, and room for ``most`` tokens in all.

        The last token is never among what is known: it is computed for its logits. ``tokens`` is the sequence's own
        list, and grows. None if too few blocks are to be had now.
        """
        match = self.tree.match(namespace, pack(tokens))
        path, known = self._of_use(match, len(tokens))
        whole = known // self.pool.size
        ready = min(whole, sum(node.block is not None for node in path))
        node = path[ready - 1] if ready else match.node.root
        self.tree.use(node)
        missing = path[ready:] if ready < len(path) and path[-1].block is None else []
        left = -(-most // self.pool.size) - whole + SPARE
        if left + len(missing) > self.pool.free + self.tree.spare - self.promised:
            self.tree.release(node)
            return None
        if missing and not self._restore(missing):
            self.tree.release(node)
            return self.lease(namespace, tokens, most)  # what could not be read is forgotten
        for node in path[ready:whole]:
            self.tree.hold(node)
        self.promised += left
        lease = Lease(self, node, tokens, left)
        if whole < len(path):
            lease.begin_like(path[whole])
        lease.known = lease.computed = known
        self._count_use(path)
        return lease

    def borrow(self, lease: Lease, skip: int = RECOMPUTED, least: int = LEAST_SHIFTED) -> None:
        """Give a new lease the KV of chunks of its prompt that were seen at other places. It is not exact.

        Of each chunk the first ``skip`` tokens are left to be computed, and so is the prompt's last token; at ``least``
        so many are not. There must be a ``shift``.
        """
        assert self.shift is not None
        prompt = pack(lease.tokens[:-1])
        for chunk in find(self.tree, lease.node.root, prompt, lease.known, least, skip):
            self.tree.use(chunk.node)
            if self.promised <= self.pool.free + self.tree.spare:  # what is read here was not promised to anybody
                lease.lay(chunk, self.shift)
                self._count_use(chunk.node.path())
            self.tree.release(chunk.node)

    def take(self) -> int:
        """A block, for a lease to which it was promised."""
        self.promised -= 1
        return self._block()

    def keeps(self, prompt: int) -> int:
        """How far the KV of a sequence goes into the tree, whose prompt has so many tokens."""
        return 1 << 62 if self.reuse.answers else prompt // self.reuse.grain * self.reuse.grain

    def _of_use(self, match: Match, tokens: int) -> tuple[list[Node], int]:
        """The nodes of a match to reuse, of the last one perhaps a part, and how many tokens they are.

        What is on disk alone is left out where it would be computed sooner than read.
        """
        known = self._usable(match, tokens)
        path = [*match.node.path(), *([match.tail] if match.tail else [])][: -(-known // self.pool.size)]
        ready = sum(node.block is not None for node in path)
        missing = path[ready:]
        begun = ready * self.pool.size
        if missing and self.tier.seconds(missing) > (known - begun) * self.seconds_a_token:
            known = begun // self.reuse.grain * self.reuse.grain
        return path[: -(-known // self.pool.size)], known

    def _restore(self, nodes: list[Node]) -> bool:
        """Read nodes, a row of which the first one's parent is in use, into the pool. False if any could not be."""
        blocks = [self._block() for _ in nodes]
        sound = self.tier.restore(nodes, blocks)
        for node, block in zip(nodes[:sound], blocks, strict=False):
            assert node.parent is not None
            self.tree.insert(node.parent, node.tokens, block, self.clock())
        self.pool.give(blocks[sound:])
        return sound == len(nodes)

    def _block(self) -> int:
        """A free block, for which something may have to go."""
        if not self.pool.free:
            self.pool.give(self.tree.evict(EVICTED_AT_ONCE))
        return self.pool.take()

    def _usable(self, match: Match, tokens: int) -> int:
        return min(match.length, tokens - 1) // self.reuse.grain * self.reuse.grain

    def _count_use(self, path: list[Node]) -> None:
        now = self.clock()
        for node in path:
            node.hits += 1
            self.tree.warm(node, now)

    def check_integrity(self, leases: Sequence[Lease] = ()) -> None:
        """Assert that every block is in one place (promise r16). For tests."""
        self.tree.check_integrity()
        held = [node.block for node in self.tree.nodes() if node.block is not None]
        own = [block for lease in leases for block in lease.own]
        assert sorted([*self.pool.unused, *held, *own]) == list(range(1, self.pool.blocks + 1))
        assert self.promised == sum(lease.left for lease in leases)
        assert self.promised <= self.pool.free + self.tree.spare
        for lease in leases:
            path = lease.node.path()
            assert lease.blocks[: len(path)] == [node.block for node in path]


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
        self._cache.tier.offer(self.node)
        rest = self._part_to_share()
        if rest and self.computed <= self.shares:  # else the block goes on with what is not the tree's
            place = self.node.end // self.block
            self._cache.tier.offer(self._share(rest))
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
        self._cache.tier.offer(self.node)
        if rest := self._part_to_share():
            self._cache.tier.offer(self._share(rest))
            del self.blocks[self.node.end // self._cache.pool.size]
        self._cache.pool.give(self.own)
        self._cache.promised -= self.left
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
        if spare is not None:
            cache.pool.give([spare])
        assert node.block is not None
        self.blocks[place] = node.block
        return node

    def _copy(self, source: int) -> int:
        """A block of our own with the KV of ``source``, which is the tree's."""
        block = self._take()  # perhaps the very one, let go of by the tree: nothing has overwritten it yet
        if block != source:
            self._cache.pool.copy(source, block)
        return block

    def _take(self) -> int:
        self.left -= 1
        return self._cache.take()
