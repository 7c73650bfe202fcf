"""What a block is and means, however it is spelled: of a tool its name, of JSON what a reader takes from it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import orjson

from everwarm.core.analysis.block import Block
from everwarm.core.layout.meaning import meaning
from everwarm.core.layout.tools import name_of


class Kinds(dict[int, tuple[str, str]]):
    """By block, what tells which blocks may stand for each other: of tools the name, of others the role."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        """``blocks``: those of a log by their numbers; it grows."""
        super().__init__()
        self._blocks = blocks

    def __missing__(self, number: int) -> tuple[str, str]:
        tier, role, *_ = block = self._blocks[number]
        kind = self[number] = (tier, tool_name(block)) if tier == "tools" else (tier, role)
        return kind


class Meanings(dict[int, int]):
    """By block, a number that another one has only if both are JSON of one meaning and length: of shuffled keys. That
    is proof that they ``mean_the_same``; another number is none that they do not."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        """``blocks``: those of a log by their numbers; it grows."""
        super().__init__()
        self._blocks = blocks
        self._known: dict[tuple[int, bytes], int] = {}

    def __missing__(self, number: int) -> int:
        pieces = self._blocks[number].pieces
        form = _meaning(pieces[0].text) if len(pieces) == 1 else None
        found = -1 - number  # of no other block
        if form is not None:
            key = len(pieces[0].text), blake2b(form, digest_size=16).digest()  # which no other form has by chance
            found = self._known.setdefault(key, len(self._known))
        self[number] = found
        return found


def mean_the_same(old: Block, new: Block) -> bool:
    """Whether one is the other one, spelled otherwise."""
    before, after = old.pieces, new.pieces
    if len(before) == len(after) == 1:  # as mostly
        return before[0].text == after[0].text or _same(before[0].text, after[0].text)
    if not after or len(before) != len(after):
        return False
    return all(a.text == b.text or _same(a.text, b.text) for a, b in zip(before, after, strict=True))


def _same(old: str, new: str) -> bool:
    if abs(len(old) - len(new)) > max(len(old), len(new)) // 2:
        return False  # white space and escapes do not make so much of a difference
    before = _meaning(old)
    return before is not None and before == _meaning(new)


@lru_cache(maxsize=4096)
def _meaning(text: str) -> bytes | None:
    """Of a text that is JSON; None of any other, so that prose is not compared twice."""
    form = meaning(text) if text[:1] in ("{", "[") else None
    return form and _once(form)


@lru_cache(maxsize=1024)
def _once(form: bytes) -> bytes:
    """The same, but one for all that are equal: so they are compared, and kept, once."""
    return form


def tool_name(block: Block) -> str:
    """What tells a tool from others; all of its text if it has no name."""
    if not block.pieces:
        return block.text
    text = block.pieces[0].text
    return _name(_meaning(text) or text) or block.text


@lru_cache(maxsize=1024)
def _name(data: bytes | str) -> str | None:
    """Of a tool that is this JSON; None if it has none. All its spellings are read once."""
    try:
        return name_of(orjson.loads(data))
    except orjson.JSONDecodeError:
        return None
