"""Pins: prefixes whose KV stays in the pool until they are unpinned, or the engine ends.

What is pinned is never more than ``room`` blocks: half of the pool, and no more than the longest possible request
leaves free. So whoever is alone always fits beside the pins, and nobody waits for blocks that do not come back. Of what
the others leave of the room, one namespace may have half: however much is pinned, there is some room for the next.
"""

from __future__ import annotations

from typing import NamedTuple

from everwarm.core.key import Namespace, hint
from everwarm.core.prefix import WIDTH, Node
from everwarm.engine.cache import KvCache
from everwarm.engine.pool import SPARE
from everwarm.errors import BadRequest


class Pin(NamedTuple):
    """A prefix that stays."""

    id: str
    tokens: int
    node: Node  # in use; the last of its tokens are the first ones of this


class Pins:
    """Of all namespaces. In the engine's thread only. ``context``: tokens of the longest possible request."""

    def __init__(self, cache: KvCache, context: int) -> None:
        self._cache = cache
        pool = cache.pool
        longest = -(-context // pool.size) + SPARE
        self.room = max(0, min(pool.blocks // 2, pool.blocks - longest))
        self._pins: dict[Namespace, dict[bytes, Pin]] = {}

    def of(self, namespace: Namespace) -> list[Pin]:
        """Those of one namespace."""
        return list(self._pins.get(namespace, {}).values())

    def require_room(self, namespace: Namespace, prompt: bytes) -> None:
        """``BadRequest`` if this packed prompt, known already or not, cannot be pinned now."""
        own = self._held(namespace)
        adding = self._blocks(prompt) - sum(node in own for node in self._cache.resident(namespace, prompt))
        free = self.room - sum(len(self._held(each)) for each in self._pins)
        if adding > 0 and len(own) + adding > free - adding:
            raise self._full(adding, len(own))

    def pin(self, namespace: Namespace, prompt: bytes) -> None:
        """Keep a packed prompt, all of which is in the pool. ``BadRequest`` if there is no room."""
        pins = self._pins.get(namespace, {})
        if prompt in pins:
            return
        self.require_room(namespace, prompt)
        node = self._cache.resident(namespace, prompt)[self._blocks(prompt) - 1]
        self._cache.tree.use(node)
        pins[prompt] = Pin(id_of(namespace, prompt), len(prompt) // WIDTH, node)
        self._pins[namespace] = pins

    def unpin(self, namespace: Namespace, name: str) -> bool:
        """Let go of the prefix with this id. False if this namespace has none."""
        pins = self._pins.get(namespace, {})
        found = [prompt for prompt, pin in pins.items() if pin.id == name]
        for prompt in found:
            self._cache.tree.release(pins.pop(prompt).node)
        if not pins:
            self._pins.pop(namespace, None)
        return bool(found)

    def _held(self, namespace: Namespace) -> set[Node]:
        """The nodes that the pins of a namespace keep."""
        return {node for pin in self.of(namespace) for node in pin.node.path()}

    def _blocks(self, prompt: bytes) -> int:
        return -(-len(prompt) // (WIDTH * self._cache.pool.size))

    def _full(self, adding: int, own: int) -> BadRequest:
        size = self._cache.pool.size
        beside = f" beside the {own * size} tokens that you have pinned" if own else ""
        return BadRequest(
            f"the KV cache in memory has no room for {adding * size} pinned tokens{beside}; unpin another prefix "
            "(DELETE /v1/cache/prefixes/ID), or have the operator give it more memory (engine.kv_mb)",
            param="pin",
            code="no_room_to_pin",
        )


def id_of(namespace: Namespace, prompt: bytes) -> str:
    """How a prefix, packed, is called in its namespace. It tells nothing of the text."""
    return hint(b"%b:%b" % (namespace.id.encode(), prompt)).hex()
