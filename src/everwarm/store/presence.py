"""What is surely not on disk: so that a new request need not wait for a thread that looks there in vain.

A Bloom filter over digests, a byte for each slot, in memory only. It errs on one side: what it calls absent is absent,
as long as this process is the only one that writes. Until it has been filled it calls nothing absent. What is deleted
leaves its marks, which cost a look and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

PROBES: Final = 3
ENTRY_BYTES: Final = 1024
"""Of disk for one entry, at the least that is worth counting on."""
SLOTS_PER_ENTRY: Final = 8
"""With three probes, one absent entry in thirty looks present when the disk is full of such entries."""
MOST_SLOTS: Final = 2**26


class Presence:
    """For a store of at most ``max_bytes``. ``add`` and ``may_hold`` may be called from any thread."""

    def __init__(self, max_bytes: int) -> None:
        wanted = min(MOST_SLOTS, max(2**16, max_bytes // ENTRY_BYTES * SLOTS_PER_ENTRY))
        self._mask = (1 << (wanted - 1).bit_length()) - 1
        self._marks = bytearray(self._mask + 1)
        self._filled = False

    def add(self, digest: bytes) -> None:
        """There is an entry with this digest, or soon will be."""
        marks, mask = self._marks, self._mask
        bits = int.from_bytes(digest, "little")
        for _ in range(PROBES):
            marks[bits & mask] = 1
            bits >>= 40

    def fill(self, digests: Iterable[bytes]) -> None:
        """All that the disk held when this process began; from now on absence can be told."""
        for digest in digests:
            self.add(digest)
        self._filled = True

    def may_hold(self, digest: bytes) -> bool:
        """False: there is surely no entry with this digest."""
        if not self._filled:
            return True
        marks, mask = self._marks, self._mask
        bits = int.from_bytes(digest, "little")
        return bool(marks[bits & mask] and marks[bits >> 40 & mask] and marks[bits >> 80 & mask])
