"""Conversations as transcripts tell them: each prompt is one that was there before, and something more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

from everwarm.core.analysis.block import Block


class Step:
    """The end of a prompt: what was said last, behind all that was said before. Branches share what they have in
    common, so a conversation costs one step for each message, however many calls repeat it."""

    __slots__ = ("before", "blocks", "depth", "length")

    def __init__(self, before: Step | None, blocks: Sequence[Block]) -> None:
        self.before = before
        self.blocks = blocks
        self.depth: int = before.depth + 1 if before else 1
        self.length: int = (before.length if before else 0) + len(blocks)  # in blocks, with all before


def after(before: Step | None, blocks: Sequence[Block]) -> Step | None:
    """The prompt with these blocks behind it; the same one if there are none."""
    return Step(before, blocks) if blocks else before


class Rows:
    """Prompts, each told as what differs from the one before it: what ``Record`` has as ``keeps`` and ``blocks``."""

    def __init__(self) -> None:
        self._last: Step | None = None

    def tell(self, step: Step | None) -> tuple[int, tuple[Block, ...]]:
        """How many leading blocks it has in common with the prompt that was told last, and all that follow."""
        old, new = self._last, step
        fresh: list[Sequence[Block]] = []
        while old is not new:
            if new is not None and (old is None or new.depth >= old.depth):
                fresh.append(new.blocks)
                new = new.before
            elif old is not None:
                old = old.before
        self._last = step
        return (old.length if old else 0), tuple(block for blocks in reversed(fresh) for block in blocks)


def digest(blocks: Iterable[Block]) -> bytes:
    """Of an answer: equal for equal ones. b"" if nothing was said."""
    found = blake2b(digest_size=16)
    said = False
    for block in blocks:
        found.update(block.text.encode(errors="surrogatepass"))
        said = True
    return found.digest() if said else b""
