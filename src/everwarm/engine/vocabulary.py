"""A model's vocabulary as ``llguidance`` wants to see it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from everwarm.engine.facts import Facts
from everwarm.engine.tokens import token_bytes

_PIECE: Final = re.compile(rb" ?\S{1,64}|\s+(?!\S)|\s+")
"""Where a text is cut first: no token has a blank but in front, or is made of blanks. Long pieces are cut again."""

_CACHED: Final = 4096  # pieces whose tokens are remembered
_NEVER: Final = 2**31


class Vocabulary:
    """The names of the members are llguidance's."""

    def __init__(self, facts: Facts) -> None:
        spelled = token_bytes(facts)
        self.tokens = [piece or name.encode() for piece, name in zip(spelled, facts.tokens, strict=True)]
        self.special_token_ids = [i for i, piece in enumerate(spelled) if not piece]
        self.eos_token_id = facts.ends[0]
        self.bos_token_id = facts.bos
        self._ids = {piece: i for i, piece in reversed([*enumerate(spelled)]) if piece}  # of two alike the first
        self._tokens_of = lru_cache(_CACHED)(self._merge)

    def __call__(self, text: str | bytes) -> list[int]:
        """``text``, which the format demands, in tokens as the model has read it.

        Not by the tokenizer: it takes a millisecond for ten characters, and must be waited for while somebody's long
        prompt is in it. A piece that has no tokens in this vocabulary ends the list.
        """
        ids: list[int] = []
        for piece in _PIECE.findall(text.encode() if isinstance(text, str) else text):
            known = self._tokens_of(piece)
            ids += [i for i in known if i >= 0]
            if -1 in known:
                break
        return ids

    def _merge(self, piece: bytes) -> tuple[int, ...]:
        """Byte-level BPE. A merge's rank is the id of what it makes: vocabularies are numbered as they were learnt."""
        ids = self._ids
        parts = [piece[i : i + 1] for i in range(len(piece))]
        while len(parts) > 1:
            rank, at = min((ids.get(parts[i] + parts[i + 1], _NEVER), i) for i in range(len(parts) - 1))
            if rank == _NEVER:
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return tuple(ids.get(part, -1) for part in parts)
