"""A rendered prompt to tokens, of which segments that came before are not tokenized again."""

from __future__ import annotations

from everwarm.core.key import Namespace
from everwarm.core.prefix import pack, unpack
from everwarm.core.representations import Representations
from everwarm.engine.cuts import WORTH, Cuts
from everwarm.engine.tokens import Tokenizer

LIMIT = 32 * 2**20
"""Bytes that are kept: of some four million tokens of English text."""


class Reader:
    """Gives the very tokens that ``tokenizer.encode`` gives. For one thread at a time."""

    def __init__(self, tokenizer: Tokenizer, cuts: Cuts | None, limit: int = LIMIT) -> None:
        """``cuts``: None if it is not certain where this model's prompts may be cut; then nothing is remembered."""
        self.tokenizer = tokenizer
        self.kept = Representations(limit)
        self._cuts = cuts

    def read(self, text: str, space: Namespace) -> list[int]:
        """The tokens of ``text``, which somebody of this namespace has sent."""
        if self._cuts is None or "\0" in text:  # NULs at the end of a segment would be lost
            return self.tokenizer.encode(text)
        segments = self._cuts.segments(text)
        known = [self.kept.get(space.id, segment) if len(segment) >= WORTH else None for segment in segments]
        new = iter(self._tokenize([s for s, packed in zip(segments, known, strict=True) if packed is None], space))
        ids: list[int] = []
        for packed in known:
            ids += next(new) if packed is None else unpack(packed)
        return self.tokenizer.begun(ids)

    def _tokenize(self, segments: list[str], space: Namespace) -> list[list[int]]:
        """Of each its tokens. They are made in one call, for each call costs as much as a thousand characters do."""
        if not segments:
            return []
        assert self._cuts is not None
        parts = self._cuts.divide(self.tokenizer.bare("".join(segments)), segments)
        for segment, ids in zip(segments, parts, strict=True):
            if len(segment) >= WORTH:
                self.kept.keep(space.id, segment, pack(ids))
        return parts
