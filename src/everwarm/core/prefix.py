"""Prefixes: rows of tokens, and the nodes of the tree that stands for those that were seen (``radix``)."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from sys import byteorder
from typing import NamedTuple

from everwarm.core.common_prefix import common_prefix
from everwarm.core.key import Namespace
from everwarm.core.segments import Segment

WIDTH = 4  # bytes of a packed token


def pack(tokens: Sequence[int]) -> bytes:
    """Tokens as the tree takes them: four bytes each, the high one first, so that bytes sort as the tokens do."""
    packed = array("I", tokens)
    if byteorder == "little":
        packed.byteswap()
    return packed.tobytes()


def unpack(packed: bytes) -> list[int]:
    """The tokens that ``pack`` was given."""
    tokens = array("I", packed)
    if byteorder == "little":
        tokens.byteswap()
    return tokens.tolist()


class Node:
    """A prefix: that of its parent, and then these tokens."""

    __slots__ = (
        "block", "children", "heat", "hits", "keys", "live", "parent", "root", "start", "stored", "tokens", "used",
        "users",
    )  # fmt: skip

    def __init__(self, parent: Node | None, root: Root, tokens: bytes = b"", start: int = 0) -> None:
        self.parent = parent  # None: a root, or no longer in the tree
        self.root = root  # of its namespace
        self.tokens = tokens  # its own, packed
        self.start = start  # tokens before them
        self.keys: list[bytes] = []  # tokens of its children, in order
        self.children: list[Node] = []
        self.block: int | None = None
        self.stored: Segment | None = None
        self.users = 0
        self.live = 0  # children with a block
        self.hits = 0  # prompts that it was reused for
        self.used: float | None = None  # when it was last computed or reused; None: not since it was read from disk
        self.heat = float("-inf")  # log2 of its uses, each weighed by 2 ** (when / half-life)

    @property
    def length(self) -> int:
        """Its own tokens."""
        return len(self.tokens) // WIDTH

    @property
    def end(self) -> int:
        """Tokens of the whole prefix."""
        return self.start + self.length

    def path(self) -> list[Node]:
        """All nodes from below the root to this one."""
        nodes, node = [], self
        while node.parent is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]


class Root(Node):
    """The empty prefix of one namespace."""

    __slots__ = ("blocks", "claimed", "held", "leaves", "namespace")

    def __init__(self, namespace: Namespace) -> None:
        super().__init__(None, self)
        self.namespace = namespace
        self.held = 0  # blocks
        self.claimed = 0  # blocks outside of the tree that its running sequences have, or may still take
        self.blocks: dict[bytes, Node] = {}  # whole ones with a block, by their own tokens: see ``chunks``
        self.leaves: list[tuple[float, int, Node]] = []  # a heap; entries may be out of date, none is missing


class Match(NamedTuple):
    """What of a prompt is known."""

    node: Node  # its last whole block that is, or the root
    tail: Node | None = None  # a child of ``node`` that begins as the prompt goes on
    shared: int = 0  # tokens of ``tail`` that do

    @property
    def length(self) -> int:
        """Tokens."""
        return self.node.end + self.shared

    def path(self) -> list[Node]:
        """All nodes from below the root to the last one; of a ``tail`` only the beginning was matched."""
        return [*self.node.path(), *([self.tail] if self.tail else [])]


def common(ours: bytes, theirs: bytes) -> int:
    """Tokens that two packed rows begin with alike."""
    return common_prefix(ours, theirs) // WIDTH
