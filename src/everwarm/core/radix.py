"""The prefix tree: what was seen, by what it begins with.

A trie of blocks. A node holds the tokens of one block; only a leaf may hold fewer. Siblings stand in order, so the one
that shares most with a prompt is a neighbour of the place where the prompt would stand: a look-up is exact to the token
and costs O(log siblings) a block, however many prompts part ways at one place.

A node stands for a prefix that is kept in one or both of two places:

- ``block``: the number of a block in the KV pool. If a node has one, so have all its ancestors.
- ``stored``: the segment that holds it on disk. If a node has one, so have all its ancestors.

A node that is in neither place is gone. ``users`` counts the running sequences that read its block; whoever uses a node
uses its ancestors. Each namespace has a tree of its own, so no look-up can see another's.

What goes first when blocks are short is a leaf that nobody uses, of the namespace that has most above its floor: the
one that saves the fewest tokens a second for its bytes. A use counts half as much after each half-life; with a very
short one only the last use counts, and what was not used longest goes first.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import count
from math import log2

from everwarm.core.key import Namespace
from everwarm.core.prefix import WIDTH, Match, Node, Root, common
from everwarm.core.segments import Segment

HALF_LIFE = 600.0  # seconds


class Radix:
    """The trees of all namespaces. ``size``: tokens of a block. Times are seconds of a clock that never goes back."""

    def __init__(
        self, size: int, floor: Callable[[Namespace], int] = lambda namespace: 0, half_life: float = HALF_LIFE
    ) -> None:
        self.size = size
        self._half_life = half_life
        self._size = size * WIDTH
        self._floor = floor  # blocks below which nobody else pushes a namespace
        self._roots: dict[Namespace, Root] = {}
        self._order = count()  # of equally cold leaves the one that was left first goes first
        self.spare = 0  # blocks that ``evict`` could give

    def match(self, namespace: Namespace, tokens: bytes) -> Match:
        """The longest known prefix of ``tokens`` (packed), exact to the token. Changes nothing."""
        return self.follow(self.root(namespace), tokens)

    def follow(self, node: Node, tokens: bytes, begin: int = 0) -> Match:
        """The longest known prefix that is ``node``, then as ``tokens`` from this byte on. Changes nothing."""
        for at in range(begin, len(tokens), self._size):
            piece = tokens[at : at + self._size]
            place = bisect_left(node.keys, piece)
            if len(piece) < self._size or place == len(node.keys) or node.keys[place] != piece:
                return _nearest(node, place, piece)
            node = node.children[place]
        return Match(node)

    def root(self, namespace: Namespace) -> Root:
        """The empty prefix of a namespace."""
        return self._roots.get(namespace) or Root(namespace)

    def use(self, node: Node) -> None:
        """Keep ``node`` and its ancestors, which all have blocks, until ``release``. A root may be used too."""
        self._roots[node.root.namespace] = node.root
        node.root.users += 1
        while node.parent is not None:
            self.hold(node)
            node = node.parent

    def hold(self, node: Node) -> None:
        """Use a child of what the caller uses already."""
        self.spare -= node.users == 0
        node.users += 1

    def release(self, node: Node) -> None:
        """Undo ``use``, of a node that was reached by ``hold`` as well."""
        root = node.root
        while node.parent is not None:
            node.users -= 1
            if node.users == 0:
                self.spare += 1
                self._offer(node)
            node = node.parent
        root.users -= 1
        self._prune(root)

    def insert(self, parent: Node, tokens: bytes, block: int, now: float) -> tuple[Node, int | None]:
        """``block`` holds the KV of ``tokens`` after ``parent``, which the caller uses.

        Gives the node that stands for them, and a block that is the caller's again: the very one, if the tree has these
        tokens already, or that of a shorter leaf which is contained in this one.
        """
        longer = self._beginning(parent, tokens)
        if longer is not None and longer.block is not None:
            return longer, block
        node = self._child(parent, tokens)
        node.block = block
        node.root.held += 1
        if node.start and len(tokens) == self._size:
            node.root.blocks[tokens] = node
        parent.live += 1
        self.spare += 1
        node.used = now
        self.warm(node, now)
        self._offer(node)
        return node, self._swallow(parent, node)

    def store(self, parent: Node, tokens: bytes, segment: Segment) -> Node:
        """The KV of ``tokens`` after ``parent``, which is a root or on disk itself, is on disk in ``segment``."""
        self._roots.setdefault(parent.root.namespace, parent.root)
        node = self._child(parent, tokens)
        if node.stored is None:
            node.stored = segment
        return node

    def forget(self, node: Node) -> None:
        """It is not on disk any more. Nor may its descendants be."""
        node.stored = None
        self._prune(node)

    def warm(self, node: Node, now: float) -> None:
        """Count a use of this one node."""
        when = now / self._half_life
        high, low = max(node.heat, when), min(node.heat, when)
        node.heat = high + log2(1 + 2 ** max(low - high, -60.0))

    def evict(self, blocks: int) -> list[int]:
        """Let go of so many blocks, or of all that nobody uses. They are the caller's again."""
        freed: list[int] = []
        while len(freed) < blocks and self.spare:
            root = max((root for root in self._roots.values() if root.leaves), key=self._excess)
            _, _, node = heapq.heappop(root.leaves)
            if node.block is None or node.users or node.live:
                continue  # an entry out of date
            if root.leaves and root.leaves[0][0] < _worth(node):  # used since it was put in its place
                self._offer(node)
                continue
            freed.append(self._let_go(node))
        return freed

    def nodes(self) -> Iterator[Node]:
        """All of them, parents first. Roots are left out."""
        waiting: list[Node] = list(self._roots.values())
        while waiting:
            node = waiting.pop()
            if node.parent is not None:
                yield node
            waiting.extend(node.children)

    def landmarks(self, namespace: Namespace) -> Iterator[Node]:
        """Where the prompts of a namespace end, and where they part ways."""
        waiting: list[Node] = [self.root(namespace)]
        while waiting:
            node = waiting.pop()
            if node.parent is not None and len(node.children) != 1:
                yield node
            waiting.extend(node.children)

    def held(self, namespace: Namespace) -> int:
        """Blocks of a namespace."""
        root = self._roots.get(namespace)
        return 0 if root is None else root.held

    def _beginning(self, parent: Node, tokens: bytes) -> Node | None:
        """A child that begins with these tokens, the shortest."""
        place = bisect_left(parent.keys, tokens)
        found = place < len(parent.keys) and parent.keys[place].startswith(tokens)
        return parent.children[place] if found else None

    def _child(self, parent: Node, tokens: bytes) -> Node:
        """The child with exactly these tokens, a new one if there was none."""
        place = bisect_left(parent.keys, tokens)
        if place < len(parent.keys) and parent.keys[place] == tokens:
            return parent.children[place]
        node = Node(parent, parent.root, tokens, parent.end)
        parent.keys.insert(place, tokens)
        parent.children.insert(place, node)
        return node

    def _swallow(self, parent: Node, node: Node) -> int | None:
        """Give back the block of a leaf that ``node`` begins with. It stands just before it."""
        place = bisect_left(parent.keys, node.tokens)
        if place == 0 or not node.tokens.startswith(parent.keys[place - 1]):
            return None
        shorter = parent.children[place - 1]
        return self._let_go(shorter) if shorter.block is not None and not shorter.users else None

    def _let_go(self, node: Node) -> int:
        block, parent, root = node.block, node.parent, node.root
        assert block is not None
        assert parent is not None
        node.block = None
        root.held -= 1
        if root.blocks.get(node.tokens) is node:
            del root.blocks[node.tokens]
        parent.live -= 1
        self.spare -= 1
        self._offer(parent)
        self._prune(node)
        return block

    def _offer(self, node: Node) -> None:
        """``node`` may go, if nothing stands on it."""
        if node.block is not None and not node.users and not node.live:
            heapq.heappush(node.root.leaves, (_worth(node), next(self._order), node))

    def _prune(self, node: Node) -> None:
        """Take out ``node`` and its ancestors, as far as they are in neither place. A root stays while it is used."""
        while node.parent is not None and node.block is None and node.stored is None:
            parent = node.parent
            place = bisect_left(parent.keys, node.tokens)
            del parent.keys[place], parent.children[place]
            node.parent = None
            node = parent
        if isinstance(node, Root) and not node.users and not node.children:
            self._roots.pop(node.namespace, None)

    def _excess(self, root: Root) -> int:
        return root.held + root.claimed - self._floor(root.namespace)

    def check_integrity(self) -> None:
        """Assert all that is said of the tree above. For tests: it walks through everything."""
        held: dict[Root, int] = {}
        spare = 0
        for node in self.nodes():
            parent, root = node.parent, node.root
            assert parent is not None
            assert root is parent.root
            assert node.start == parent.end
            assert node.keys == [child.tokens for child in node.children] == sorted(set(node.keys))
            assert 0 < len(node.tokens) <= self._size
            assert len(node.tokens) == self._size or not node.children
            assert node.live == sum(child.block is not None for child in node.children)
            assert node.users >= max((child.users for child in node.children), default=0)
            assert node.block is not None or node.stored is not None
            assert node.block is not None or not (node.live or node.users)
            assert node.stored is not None or not any(child.stored is not None for child in node.children)
            held[root] = held.get(root, 0) + (node.block is not None)
            if node.block is not None and not node.users:
                spare += 1
                assert node.live or any(entry is node for _, _, entry in root.leaves)
        assert spare == self.spare
        for root in self._roots.values():
            assert root.held == held.get(root, 0)
            assert root.children or root.users
            for tokens, node in root.blocks.items():
                assert node.root is root
                assert node.block is not None
                assert node.tokens == tokens


def _worth(node: Node) -> float:
    """Log2 of the tokens that a block saves a second, up to what is common to all."""
    return node.heat + log2(node.length)


def _nearest(node: Node, place: int, piece: bytes) -> Match:
    """The child of ``node`` that shares most with ``piece``, which would stand at ``place``; of equals one in the pool.

    One of the neighbours shares most. The one behind them may share as much: where a leaf that is on disk alone was the
    beginning of a longer one.
    """
    best = Match(node)
    for child in node.children[max(place - 1, 0) : place + 2]:
        shared = common(child.tokens, piece)
        if shared > best.shared or (
            shared and shared == best.shared and _only_stored(best) and child.block is not None
        ):
            best = Match(node, child, shared)
    return best


def _only_stored(match: Match) -> bool:
    return match.tail is not None and match.tail.block is None
