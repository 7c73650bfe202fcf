"""The texts of a log's prompts, each kept once, in bounded memory."""

from __future__ import annotations

from typing import Final

from everwarm.core.analysis.block import CUTS, Block, Cut, shortened

KEPT: Final = 448 * 1024 * 1024
"""Bytes of memory for texts, by default: each is there as JSON, as a piece and as a block. Then long ones are cut."""

_ENDS: Final = 128 * 1024 * 1024
"""The same for texts that are shortened. Then they are shortened more."""

_Key = tuple[str, str, bool, str]
"""By which a block is known: its tier, its role, whether it opens a message, its text."""


def trimmed(data: bytes) -> bytes:
    """The same, without the room to grow that ``orjson`` leaves behind what it writes: for what is kept."""
    return bytes(memoryview(data))


class Texts:
    """Blocks by number. ``room``: bytes of memory for texts of which everything is kept."""

    def __init__(self, room: int = KEPT) -> None:
        self.blocks: list[Block] = []
        self.shortened = 0  # blocks
        self.kept = room
        self.room = room  # less whatever else has their texts
        self._numbers: dict[_Key, int] = {}

    def number(self, block: Block) -> int:
        """A new one if it was not seen before."""
        key = block[:4]
        found = self._numbers.get(key)
        if found is not None:
            return found
        if (cut := self.cut()) is not None and len(block.text) > cut.long:
            for each in CUTS[: CUTS.index(cut) + 1]:  # it may have come when there was more room
                short = shortened(block, each)
                key = short[:4]
                found = self._numbers.get(key)
                if found is not None:
                    return found
            self.shortened += short.text != block.text
            block = short
        found = self._numbers[key] = len(self.blocks)
        self.blocks.append(block)
        self.room -= 2 * block.text.__sizeof__()  # that of its pieces, too
        return found

    @property
    def held(self) -> int:
        """Bytes of memory that they take."""
        return self.kept - self.room

    def cut(self) -> Cut | None:
        """How long texts are shortened; None as long as there is room."""
        return None if self.room > 0 else CUTS[self.room <= -_ENDS]
