"""KV that was computed at one position, for another: only keys know where they stand.

A model with rotary embeddings turns each pair of numbers of a key by an angle that grows with its position: by
``position * frequency``, another frequency for each pair. So a key can be moved by turning it further; a value is the
same everywhere. In the first layer what comes out is what computing would give, up to the rounding of f16.

In the layers behind it, it is not: there a token's KV has taken in what stood before it, and something else stands
before it now. What that does to answers is measured by ``benchmarks/shifted.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from everwarm.engine.model import Frequencies, PagedModel, Span
from everwarm.engine.pool import SCRATCH, BlockPool

_FAR = 100
"""Position to which ``shift_of`` moves keys, to try it out."""

_NEARLY = 2**-8
"""How far keys may be from computed ones, of the largest: a few roundings of f16. Wrong angles give far more."""


class Shift:
    """Moves KV within one pool."""

    def __init__(self, pool: BlockPool, frequencies: Frequencies) -> None:
        self._pool = pool
        self._frequencies = frequencies

    def move(self, source: Sequence[int], at: int, target: Sequence[int], start: int, count: int) -> None:
        """The KV of ``count`` tokens at position ``at`` of one sequence goes to position ``start`` of another one.

        ``source`` and ``target``: the blocks of these sequences, from their first on.
        """
        theirs, ours = self._places(source, at, count), self._places(target, start, count)
        angles = (start - at) * self._frequencies
        cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
        for keys in self._pool.keys:
            keys[ours] = _turned(keys[theirs], cos, sin)
        for values in self._pool.values:
            values[ours] = values[theirs]

    def keys(self, blocks: Sequence[int], first: int, count: int) -> Any:
        """The first layer's keys of ``count`` positions of a sequence: [count, heads, head size], f32."""
        return self._pool.keys[0][self._places(blocks, first, count)].astype(np.float32)

    def _places(self, blocks: Sequence[int], first: int, count: int) -> tuple[Any, slice, Any]:
        """Where positions are in a tensor [blocks, heads, tokens of a block, head size]: an index of it."""
        positions = np.arange(first, first + count)
        return np.asarray(blocks)[positions // self._pool.size], slice(None), positions % self._pool.size


def shift_of(model: PagedModel) -> Shift | None:
    """None if the model does not turn its keys, or turns them in another way than is known here: it is tried out."""
    if model.frequencies is None:
        return None
    shift, tokens = Shift(model.pool, model.frequencies), range(1, model.pool.size + 1)
    before = [SCRATCH] * (_FAR // model.pool.size)  # what stands before does not matter to the first layer's keys
    near, far, moved = [1], [*before, 2, 3], [*before, 4, 5]  # nobody has these blocks yet
    model.step([Span(tokens, 0, near, ())])
    model.step([Span(tokens, _FAR, far, ())])
    shift.move(near, 0, moved, _FAR, len(tokens))
    computed, turned = (shift.keys(blocks, _FAR, len(tokens)) for blocks in (far, moved))
    return shift if abs(computed - turned).max() <= _NEARLY * abs(computed).max() else None


def _turned(keys: Any, cos: Any, sin: Any) -> Any:
    """Keys [tokens, heads, head size], f16: each pair turned by its angle."""
    half = keys.shape[-1] // 2
    wide = _wide(keys)
    turned = wide * np.concatenate([cos, cos])
    turned[..., :half] -= wide[..., half:] * sin
    turned[..., half:] += wide[..., :half] * sin
    return _narrow(turned)


def _wide(narrow: Any) -> Any:
    """f16 as f32, in a third of the time of numpy's, which goes number by number. There must be no infinity."""
    bits = narrow.view(np.uint16).astype(np.uint32)
    return ((bits & 0x8000) << 16 | (bits & 0x7FFF) << 13).view(np.float32) * np.float32(2.0**112)


def _narrow(wide: Any) -> Any:
    """f32 as f16, likewise. Of numbers below 2 ** -14 the last bit may be another one."""
    split = wide * np.float32(2**13 + 1)  # Veltkamp's way to round to the 11 bits that f16 has
    bits = ((split - (split - wide)) * np.float32(2.0**-112)).view(np.uint32)  # with an exponent as f16 has it
    return (bits >> 16 & 0x8000 | bits >> 13 & 0x7FFF).astype(np.uint16).view(np.float16)
