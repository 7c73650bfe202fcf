"""The contract of what is below the pool: a place that holds more, and for longer, and is slower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from everwarm.core.prefix import Node


class Tier(Protocol):
    """Keeps what the tree has. Called from the engine's thread only."""

    def offer(self, node: Node) -> None:
        """The KV of this prefix is in the pool, and can be copied from there in one's own time."""
        ...

    def seconds(self, nodes: Sequence[Node]) -> float:
        """How long ``restore`` would take."""
        ...

    def restore(self, nodes: Sequence[Node], blocks: Sequence[int]) -> int:
        """Read the KV of ``nodes`` into these blocks of the pool. The nodes are a row, each the parent of the next.

        Gives how many were read, from the first on. Those that could not be are forgotten, in the tree too.
        """
        ...


class NoDisk:
    """The ``Tier`` that keeps nothing, so that nothing in the tree is ever in it."""

    def offer(self, node: Node) -> None:
        pass

    def seconds(self, nodes: Sequence[Node]) -> float:
        return 0.0

    def restore(self, nodes: Sequence[Node], blocks: Sequence[int]) -> int:
        return 0
