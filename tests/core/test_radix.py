"""The prefix tree against its oracle: a plain set of everything that was put in and not let go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from everwarm.core.key import PUBLIC, Namespace
from everwarm.core.prefix import Node, common, pack, unpack
from everwarm.core.radix import HALF_LIFE, Radix
from everwarm.core.segments import Segment

SIZE = 3
HERE = Segment("public", b"name", b"", 0, (1,), 100)
OTHER = Namespace("1" * 32)
Tokens = tuple[int, ...]

rows = st.lists(st.integers(0, 2), max_size=11).map(tuple)
namespaces = st.sampled_from([PUBLIC, OTHER])


def grow(tree: Radix, namespace: Namespace, tokens: Tokens, blocks: list[int], now: float = 0.0) -> Node:
    """Put ``tokens`` in as a sequence does: what is known is used, what is not gets a block of ``blocks``. In use."""
    match = tree.match(namespace, pack(tokens))
    node = match.node
    while node.block is None and node.parent is not None:
        node = node.parent
    tree.use(node)
    while node.end < len(tokens):
        piece = pack(tokens[node.end : node.end + SIZE])
        following, spare = tree.insert(node, piece, blocks.pop(), now)
        if spare is not None:
            blocks.append(spare)
        if following.length < SIZE or len(piece) < SIZE * 4:
            break
        tree.hold(following)
        node = following
    return node


def shared(ours: Tokens, theirs: Tokens) -> int:
    return next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)))


class Grove(RuleBasedStateMachine):
    """Sequences come and go, blocks are evicted, prefixes go to disk and are forgotten there."""

    BLOCKS = 12

    @initialize()
    def plant(self) -> None:
        self.tree = Radix(SIZE)
        self.free = list(range(self.BLOCKS))
        self.running: list[Node] = []
        self.now = 0.0

    @rule(namespace=namespaces, tokens=rows, reads=st.booleans())
    def ask(self, namespace: Namespace, tokens: Tokens, reads: bool) -> None:
        need = len(tokens) // SIZE + 1
        if len(self.free) < need:
            self.free += self.tree.evict(need - len(self.free))
        if len(self.free) < need:
            return
        self.now += 1
        node = grow(self.tree, namespace, tokens, self.free, self.now)
        self.tree.check_integrity()
        match = self.tree.match(namespace, pack(tokens))
        assert match.length == len(tokens)
        assert b"".join(node.tokens for node in match.path()).startswith(pack(tokens))
        if reads:
            self.running.append(node)
        else:
            self.tree.release(node)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 99))
    def leave(self, which: int) -> None:
        self.tree.release(self.running.pop(which % len(self.running)))

    @rule(blocks=st.integers(0, 5))
    def evict(self, blocks: int) -> None:
        before = {id(n): n for n in self.tree.nodes() if n.block is not None}
        spare = self.tree.spare
        freed = self.tree.evict(blocks)
        assert len(freed) == min(blocks, spare)
        for node in before.values():
            assert node.block is not None or not node.users
        self.free += freed

    @rule(which=st.integers(0, 99))
    def spill(self, which: int) -> None:
        nodes = [n for n in self.tree.nodes() if n.parent is n.root or (n.parent is not None and n.parent.stored)]
        if nodes:
            node = nodes[which % len(nodes)]
            assert node.parent is not None
            assert self.tree.store(node.parent, node.tokens, HERE) is node

    @rule(which=st.integers(0, 99))
    def lose(self, which: int) -> None:
        nodes = [n for n in self.tree.nodes() if n.stored and not any(c.stored for c in n.children)]
        if nodes:
            self.tree.forget(nodes[which % len(nodes)])

    @rule(namespace=namespaces, tokens=rows)
    def look_up(self, namespace: Namespace, tokens: Tokens) -> None:
        known = self.known()
        best = max((shared(row, tokens) for ns, row in known if ns == namespace), default=0)
        match = self.tree.match(namespace, pack(tokens))
        assert match.length == best
        path = b"".join(node.tokens for node in match.node.path())
        assert pack(tokens).startswith(path)
        if match.tail is not None:
            assert common(match.tail.tokens, pack(tokens[match.node.end :])) == match.shared > 0

    def known(self) -> set[tuple[Namespace, Tokens]]:
        return {
            (node.root.namespace, tuple(unpack(b"".join(n.tokens for n in node.path())))) for node in self.tree.nodes()
        }

    @invariant()
    def balanced(self) -> None:
        self.tree.check_integrity()
        held = [node.block for node in self.tree.nodes() if node.block is not None]
        assert sorted(self.free + held) == list(range(self.BLOCKS))
        assert sum(self.tree.held(ns) for ns in (PUBLIC, OTHER)) == len(held)
        assert len({id(n) for n in self.tree.nodes()}) == len(self.known())


TestGrove = Grove.TestCase
TestGrove.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_packed_tokens_come_back_and_sort_as_they_do(tokens: list[int]) -> None:
    assert unpack(pack(tokens)) == tokens
    assert (pack(tokens) < pack([7, 2**31])) == (tokens < [7, 2**31])


def test_a_look_up_among_many_siblings_is_exact() -> None:
    tree, blocks = Radix(8), list(range(5000))
    rows = [(9, 9, user % 50, user // 50, user) for user in range(2000)]
    tree.use(tree.match(PUBLIC, b"").node)
    root = tree.match(PUBLIC, b"").node
    for row in rows:
        tree.insert(root, pack(row), blocks.pop(), 0.0)
    assert tree.match(PUBLIC, pack((9, 9, 7, 3, 157))).length == 5
    assert tree.match(PUBLIC, pack((9, 9, 7, 99, 0, 1))).length == 3
    assert tree.match(PUBLIC, pack((9, 9, 99))).length == 2
    assert tree.match(OTHER, pack((9, 9, 7, 3, 157))).length == 0


def leaf(tree: Radix, tokens: Tokens, now: float, namespace: Namespace = PUBLIC, block: int = 0) -> Node:
    root = tree.match(namespace, b"").node
    tree.use(root)
    node, _ = tree.insert(root, pack(tokens), block, now)
    tree.release(root)
    return node


def test_the_coldest_goes_first_and_each_use_warms() -> None:
    tree = Radix(SIZE)
    old, often, new = (leaf(tree, (i, i, i), i * HALF_LIFE / 10, block=i) for i in range(3))
    for _ in range(3):
        tree.warm(often, 0.0)
    assert tree.evict(2) == [old.block if old.block is not None else 0, 2]
    assert new.block is None
    assert often.block == 1


def test_with_a_very_short_half_life_only_the_last_use_counts() -> None:
    tree = Radix(SIZE, half_life=0.01)
    often = leaf(tree, (1, 1, 1), 0.0, block=1)
    for _ in range(9):
        tree.warm(often, 0.0)
    leaf(tree, (2,), 1.0, block=2)
    assert tree.evict(1) == [1]


def test_a_block_that_saves_fewer_tokens_goes_first() -> None:
    tree = Radix(SIZE)
    leaf(tree, (1, 1, 1), 0.0, block=1)
    leaf(tree, (2,), 0.0, block=2)
    assert tree.evict(1) == [2]


def test_who_floods_loses_its_own() -> None:
    tree = Radix(SIZE)
    mine = [leaf(tree, (i, 0, 0), 0.0, OTHER, i) for i in range(4)]
    for i in range(20):
        leaf(tree, (i, 0, 0), 1e6, PUBLIC, 100 + i)
    assert all(block >= 100 for block in tree.evict(16))
    assert all(node.block is not None for node in mine)


def test_a_floor_is_kept() -> None:
    tree = Radix(SIZE, lambda namespace: 3 if namespace == OTHER else 0)
    for i in range(3):
        leaf(tree, (i, 0, 0), 0.0, OTHER, i)
        leaf(tree, (i, 0, 0), 1.0, PUBLIC, 10 + i)
    assert sorted(tree.evict(3)) == [10, 11, 12]
    assert sorted(tree.evict(9)) == [0, 1, 2]


@pytest.mark.parametrize("longer_first", [False, True])
def test_of_two_leaves_one_contained_in_the_other_one_stays(longer_first: bool) -> None:
    tree: Any = Radix(SIZE)
    root = tree.match(PUBLIC, b"").node
    tree.use(root)
    order = [(1, 2, 3), (1, 2)] if longer_first else [(1, 2), (1, 2, 3)]
    first, nothing = tree.insert(root, pack(order[0]), 0, 0.0)
    second, spare = tree.insert(root, pack(order[1]), 1, 0.0)
    assert nothing is None
    assert spare == (1 if longer_first else 0)
    assert unpack(second.tokens) == [1, 2, 3]
    assert (first is second) == longer_first
    tree.check_integrity()


def test_of_two_leaves_that_share_as_much_the_one_in_the_pool_is_found() -> None:
    tree: Any = Radix(SIZE)
    root = tree.match(PUBLIC, b"").node
    tree.use(root)
    shorter, _ = tree.insert(root, pack((1, 2)), 0, 0.0)
    tree.store(root, shorter.tokens, HERE)
    longer, spare = tree.insert(root, pack((1, 2, 3)), 1, 0.0)
    assert (spare, shorter.block) == (0, None)
    match = tree.match(PUBLIC, pack((1, 2)))
    assert match.tail is longer
    assert match.shared == 2


def test_landmarks_are_where_prompts_end_and_part() -> None:
    tree, blocks = Radix(SIZE), list(range(99))
    for tokens in ((1, 1, 1, 2, 2, 2, 3, 3, 3, 4), (1, 1, 1, 2, 2, 2, 4, 4, 4), (5, 5, 5, 5)):
        tree.release(grow(tree, PUBLIC, tokens, blocks))
    tree.release(grow(tree, OTHER, (1, 1, 1), blocks))
    found = {tuple(unpack(b"".join(step.tokens for step in node.path()))) for node in tree.landmarks(PUBLIC)}
    parted = (1, 1, 1, 2, 2, 2)
    assert found == {parted, (*parted, 3, 3, 3, 4), (*parted, 4, 4, 4), (5, 5, 5, 5)}
    assert [node.end for node in tree.landmarks(OTHER)] == [3]
    assert list(tree.landmarks(Namespace("2" * 32))) == []


def test_when_a_node_was_used_is_known_unless_it_came_from_disk() -> None:
    tree = Radix(SIZE)
    tree.release(grow(tree, PUBLIC, (1, 1, 1), [1, 2], 7.0))
    root = tree.root(PUBLIC)
    assert [node.used for node in tree.nodes()] == [7.0]
    assert tree.store(root, pack((2, 2, 2)), HERE).used is None
