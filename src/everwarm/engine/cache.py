"""The KV cache: the prefix tree over the pool. It hands out leases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from everwarm.core.chunks import find
from everwarm.core.key import Namespace
from everwarm.core.prefix import WIDTH, Match, Node, pack
from everwarm.core.radix import Radix
from everwarm.engine.lease import Lease
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

    def resident(self, namespace: Namespace, prompt: bytes) -> list[Node]:
        """The nodes of what is known of a packed ``prompt``, as far as they are in the pool; of the last one perhaps
        only the beginning is the prompt's. Changes nothing."""
        path = self.tree.match(namespace, prompt).path()
        return [node for node in path if node.block is not None]

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
        if left + whole - ready > self.pool.free + self.tree.spare - self.promised:  # a tail is copied, and spare again
            self.tree.release(node)
            return None
        if missing and not self._restore(missing):
            self.tree.release(node)
            return self.lease(namespace, tokens, most)  # what could not be read is forgotten
        for node in path[ready:whole]:
            self.tree.hold(node)
        self.promised += left
        node.root.claimed += left
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
        chunks = list(find(self.tree, lease.node.root, prompt, lease.known, least, skip))
        for chunk in chunks:  # all of them first: to lay one takes blocks, which must not be those of the next
            self.tree.use(chunk.node)
        for chunk in chunks:
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
        path = match.path()[: -(-known // self.pool.size)]
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
            node.used = now
            self.tree.warm(node, now)

    def check_integrity(self, leases: Sequence[Lease] = ()) -> None:
        """Assert that every block is in one place (promise r16). For tests."""
        self.tree.check_integrity()
        held = [node.block for node in self.tree.nodes() if node.block is not None]
        own = [block for lease in leases for block in lease.own]
        assert sorted([*self.pool.unused, *held, *own]) == list(range(1, self.pool.blocks + 1))
        assert self.promised == sum(lease.left for lease in leases)
        assert self.promised <= self.pool.free + self.tree.spare
        roots = {id(lease.node.root): lease.node.root for lease in leases}
        assert sum(root.claimed for root in roots.values()) == self.promised + len(own)
        for lease in leases:
            path = lease.node.path()
            assert lease.blocks[: len(path)] == [node.block for node in path]
