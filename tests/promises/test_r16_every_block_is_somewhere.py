"""r16: whatever happens, every KV block is free, cached or in use, and holds what the tree says it holds.

The blocks are real arrays, into which "computing" writes the tokens themselves. So what a sequence would read can be
compared, token by token, with what it must read.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from everwarm.core.key import PUBLIC, Namespace
from everwarm.core.prefix import Node, pack, unpack

np = pytest.importorskip("numpy", reason="the package numpy is not installed: pip install 'everwarm[local]'")
from everwarm.engine.cache import TO_THE_TOKEN, KvCache, Reuse  # noqa: E402
from everwarm.engine.lease import Lease  # noqa: E402
from everwarm.engine.pins import Pins, id_of  # noqa: E402
from everwarm.engine.pool import BlockPool  # noqa: E402
from everwarm.engine.shift import Shift  # noqa: E402
from everwarm.errors import BadRequest  # noqa: E402

SIZE, BLOCKS, INEXACT = 4, 16, 100
LONGEST = 31
"""Tokens of the longest prompt and answer together that are asked for."""

OTHER = Namespace("1" * 32)
ALPHABET = st.integers(1, 2)
PROMPTS = st.lists(ALPHABET, min_size=1, max_size=22)


class Tensor:
    """Memory for KV, as OpenVINO's tensors give it: [blocks, heads, tokens of a block, head size]."""

    def __init__(self) -> None:
        self.data = np.zeros((BLOCKS + 1, 1, SIZE, 1), np.int32)


class Tainting(Shift):
    """Marks what it has moved, so that it can be seen where it gets to."""

    def move(self, source: Any, at: int, target: Any, start: int, count: int) -> None:
        super().move(source, at, target, start, count)
        for values in self._pool.values:
            values[self._places(target, start, count)] += INEXACT


class Life(RuleBasedStateMachine):
    """Sequences ask, compute in pieces, fork, decode, are cancelled and finish, in two namespaces at once.

    Some of them take chunks that were computed at other places. What that gives, and what is computed behind it, is
    marked in the arrays: nothing of it may be in the tree.
    """

    reuse = TO_THE_TOKEN

    @initialize()
    def build(self) -> None:
        self.memory = Tensor()
        self.now = 0.0
        self.cache = KvCache(BlockPool({"value": self.memory}), self.reuse, self.clock)
        self.cache.shift = Tainting(self.cache.pool, np.zeros(0)) if self.reuse.answers else None
        self.running: list[tuple[Lease, list[int], Namespace]] = []
        self.pins = Pins(self.cache, LONGEST)
        self.pinned: list[tuple[list[int], Namespace]] = []

    def clock(self) -> float:
        self.now += 1
        return self.now

    def read(self, blocks: list[int], tokens: int) -> list[int]:
        """What the model would read at the first positions."""
        return [int(self.memory.data[blocks[at // SIZE], 0, at % SIZE, 0]) for at in range(tokens)]

    @rule(prompt=PROMPTS, more=st.integers(1, 9), namespace=st.sampled_from([PUBLIC, OTHER]))
    def ask(self, prompt: list[int], more: int, namespace: Namespace) -> None:
        self.begin(prompt, more, namespace)

    @precondition(lambda self: self.chunks())
    @rule(
        before=st.lists(ALPHABET, max_size=5),
        which=st.integers(0, 99),
        behind=st.lists(ALPHABET, min_size=1, max_size=9),
        more=st.integers(1, 9),
        skip=st.integers(0, 2),
    )
    def ask_shifted(self, before: list[int], which: int, behind: list[int], more: int, skip: int) -> None:
        """What stands somewhere in the tree, at another place."""
        node = self.chunks()[which % len(self.chunks())]
        self.begin([*before, *unpack(node.tokens), *behind], more, node.root.namespace, skip)

    def chunks(self) -> list[Node]:
        blocks = [node for node in self.cache.tree.nodes() if node.block is not None]
        return [node for node in blocks if node.start and node.length == SIZE]

    def begin(self, prompt: list[int], more: int, namespace: Namespace, skip: int | None = None) -> None:
        known = self.cache.known(namespace, pack(prompt))
        lease = self.cache.lease(namespace, prompt, len(prompt) + more)
        if lease is not None:
            assert lease.known == known < len(prompt)
            assert known % self.reuse.grain == 0
            assert self.read(lease.blocks, known) == prompt[:known]
            if skip is not None and self.cache.shift is not None:
                self.cache.borrow(lease, skip, least=1)
                assert lease.known == known + lease.shifted == len(prompt) - lease.pending < len(prompt)
            self.running.append((lease, prompt, namespace))
        else:
            assert self.running, "alone there is room for everything"

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 99), count=st.integers(1, 22), decoded=ALPHABET, wasted=st.integers(0, 2))
    def compute(self, which: int, count: int, decoded: int, wasted: int) -> None:
        """A piece of the prompt, or one token of the answer, with drafts behind it that turn out to be wrong."""
        lease, tokens, _ = self.running[which % len(self.running)]
        count = min(count, lease.gap)
        decoding = lease.pending == count
        room = (len(lease.blocks) + lease.left - 1) * SIZE  # one block is for publishing
        end = lease.computed + count
        if end + 1 > room:
            return
        wasted = min(wasted, room - end) if decoding else 0
        lease.reach(end + wasted)
        for at, token in zip(range(lease.computed, end + wasted), [*tokens[lease.computed : end], 9, 9], strict=False):
            assert lease.blocks[at // SIZE] in lease.own, "what others read is never written to"
            inexact = lease.shifted and at >= lease.shares
            self.memory.data[lease.blocks[at // SIZE], 0, at % SIZE, 0] = token + (INEXACT if inexact else 0)
        lease.advance(count)
        if lease.computed == len(tokens):
            if lease.left + len(lease.blocks) > -(-len(tokens) // SIZE) + 1:
                lease.publish()
            tokens.append(decoded)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 99))
    def leave(self, which: int) -> None:
        lease, _, _ = self.running.pop(which % len(self.running))
        lease.close()

    @rule(prompt=PROMPTS, namespace=st.sampled_from([PUBLIC, OTHER]))
    def warm(self, prompt: list[int], namespace: Namespace) -> None:
        """A prompt is computed for nobody, and pinned, if there is room."""
        tokens = prompt[: len(prompt) // self.reuse.grain * self.reuse.grain]
        lease = self.cache.lease(namespace, list(tokens), len(tokens)) if tokens else None
        if lease is None:
            return
        lease.reach(len(tokens))
        for at in range(lease.computed, len(tokens)):
            self.memory.data[lease.blocks[at // SIZE], 0, at % SIZE, 0] = tokens[at]
        lease.advance(len(tokens) - lease.computed)
        lease.close()
        try:
            self.pins.pin(namespace, pack(tokens))
        except BadRequest:
            return
        if (tokens, namespace) not in self.pinned:
            self.pinned.append((tokens, namespace))

    @precondition(lambda self: self.pinned)
    @rule(which=st.integers(0, 99))
    def unpin(self, which: int) -> None:
        tokens, namespace = self.pinned.pop(which % len(self.pinned))
        other = OTHER if namespace == PUBLIC else PUBLIC
        assert not self.pins.unpin(other, id_of(namespace, pack(tokens)))
        assert self.pins.unpin(namespace, id_of(namespace, pack(tokens)))

    @rule(blocks=st.integers(1, 6))
    def lose(self, blocks: int) -> None:
        spare = self.cache.tree.spare - max(self.cache.promised - self.cache.pool.free, 0)
        self.cache.pool.give(self.cache.tree.evict(min(blocks, spare)))

    @invariant()
    def sound(self) -> None:
        self.cache.check_integrity([lease for lease, _, _ in self.running])
        for node in self.cache.tree.nodes():
            if node.block is not None:
                mine = self.memory.data[node.block, 0, : node.length, 0].tolist()
                assert mine == unpack(node.tokens)
        for tokens, namespace in self.pinned:
            nodes = self.cache.resident(namespace, pack(tokens))
            assert self.read([node.block for node in nodes if node.block is not None], len(tokens)) == tokens
        kept = [pin.node.path() for namespace in (PUBLIC, OTHER) for pin in self.pins.of(namespace)]
        assert len({node for path in kept for node in path}) <= self.pins.room
        for lease, tokens, namespace in self.running:
            read = self.read(lease.blocks, lease.computed)
            assert [token % INEXACT for token in read] == tokens[: lease.computed]
            assert not lease.shifted or all(token > INEXACT for token in read[lease.shares :])
            assert all(node.root.namespace == namespace for node in lease.node.path())


class Exact(Life):
    """The same where reuse ends at whole multiples and answers are not kept."""

    reuse = Reuse(2 * SIZE, answers=False)

    @invariant()
    def no_answers(self) -> None:
        nodes: list[Node] = list(self.cache.tree.nodes())
        assert all(node.length == SIZE for node in nodes)


TestFast: Any = Life.TestCase
TestExact: Any = Exact.TestCase
TestFast.settings = TestExact.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
