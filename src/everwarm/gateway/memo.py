"""Memory of bytes that were understood before: clients repeat themselves to the letter more often than not."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

from everwarm.core.key import Namespace

V = TypeVar("V")

BYTES = 8 * 2**20
LARGEST = 256 * 2**10
WEIGHT = 3
"""What is understood of a body takes about so many times its bytes: the bytes, the canonical form, the proof."""
OVERHEAD = 1500
"""And so many bytes more, for the objects that hold them (measured: 1,150)."""


class Memo(Generic[V]):
    """The last values, by namespace and the very bytes (equality, not a digest); at most ``limit`` bytes of memory."""

    def __init__(self, limit: int = BYTES) -> None:
        self._limit = limit
        self._held = 0
        self._kept: OrderedDict[tuple[str, bytes], V] = OrderedDict()

    def get(self, namespace: Namespace, data: bytes) -> V | None:
        """What was kept for these bytes of this namespace."""
        name = (namespace.id, data)
        value = self._kept.get(name)
        if value is not None:
            self._kept.move_to_end(name)
        return value

    def keep(self, namespace: Namespace, data: bytes, value: V) -> None:
        """Remember it, and forget what was used least recently. Large bodies are not worth the room."""
        if len(data) > LARGEST:
            return
        self._kept[namespace.id, data] = value
        self._held += weight(data)
        while self._held > self._limit:
            (_, old), _ = self._kept.popitem(last=False)
            self._held -= weight(old)


def weight(data: bytes) -> int:
    """Bytes of memory for what is kept of a body."""
    return WEIGHT * len(data) + OVERHEAD
