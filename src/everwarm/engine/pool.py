"""The KV pool: all blocks that there are, and which of them are free.

A block is a number. Its KV lies in one tensor a layer for keys and one for values, [blocks, KV heads, tokens of a
block, head size], which OpenVINO reads and writes and which we own: to share a block is to name it twice, to copy one
is to copy a row of each array. In u8 a token's scale stands behind its values. A block is free, or it belongs to the
tree or to one lease.

The system gives memory to a page of the tensors when it is first written, so a large pool costs nothing before it is
used; what was given back last is taken first, so what was never used stays so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

BLOCK = 32
"""Tokens of a block, for OpenVINO's kernels on a CPU."""

SCRATCH = 0
"""A block that is never given to anybody: rows that only fill a step up to its width write there."""

SPARE = 1
"""Blocks that a sequence may take beyond those for its tokens: it may have to go on in a copy of its last one."""


def blocks_of(context: int, memory: int, block: int) -> int:
    """Blocks of a pool, with the scratch: of ``block`` bytes in ``memory`` bytes, and enough for one whole context."""
    return max(-(-context // BLOCK) + SPARE, memory // block) + 1


class BlockPool:
    """``tensors``: by input name, whose first dimension is the number of blocks. Not safe for use from two threads."""

    def __init__(self, tensors: Mapping[str, Any]) -> None:
        self._arrays = [tensor.data for tensor in tensors.values()]
        self.keys = [tensor.data for name, tensor in tensors.items() if name.startswith("key")]  # by layer
        self.values = [tensor.data for name, tensor in tensors.items() if not name.startswith("key")]
        self.blocks = int(self._arrays[0].shape[0]) - 1  # in all, the scratch left out
        self.size = int(self._arrays[0].shape[2])  # tokens of a block
        self.bytes = sum(array[0].nbytes for array in self._arrays)  # of a block
        self.layout = " ".join(f"{array.dtype}{list(array.shape[1:])}" for array in self._arrays)
        self._free = list(range(self.blocks, SCRATCH, -1))

    @property
    def free(self) -> int:
        """Blocks that belong to nobody."""
        return len(self._free)

    @property
    def unused(self) -> tuple[int, ...]:
        """The free blocks."""
        return tuple(self._free)

    def take(self) -> int:
        """A free block, whose content is whatever it was. IndexError if there is none."""
        return self._free.pop()

    def give(self, blocks: Iterable[int]) -> None:
        """These belong to nobody from now on."""
        self._free.extend(blocks)

    def copy(self, source: int, target: int) -> None:
        """The KV of one block into another."""
        for array in self._arrays:
            array[target] = array[source]

    def pieces(self, blocks: Sequence[int]) -> list[memoryview]:
        """The memory of ``blocks``, one after another; of each block a piece from every tensor. Views, no copies."""
        return [memoryview(array[block].reshape(-1).view(np.uint8)) for block in blocks for array in self._arrays]
