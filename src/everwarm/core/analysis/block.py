"""A stretch of a prompt that counts as one: a tool, a part of the system prompt, a part of a message."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple

from everwarm.core.layout.piece import Path, Piece, Tier

IMAGE: Final = 6_000
"""Characters that an image or a document counts as: its data say nothing of its tokens, of which it has some 1,500."""


_HEAD: Final = "|>\n"
"""How a line ends that says whose a message is."""


class Cut(NamedTuple):
    """How a text is shortened. In characters."""

    long: int  # of a text that it is worth shortening
    edge: int  # that are kept of each of its ends


CUTS: Final = (Cut(2_500, 1_000), Cut(500, 100))
"""Where room is scarce, and where there is hardly any left."""


class Block(NamedTuple):
    """As a model reads it. Two with the same text, role and tier are one, wherever they stand."""

    tier: Tier
    role: str  # "tools", "system"; of a message its own
    opens: bool  # whether a message begins with it
    text: str  # of all its pieces; the first of a message begins with a line that says whose it is
    pieces: tuple[Piece, ...] = ()  # of which it is made; paths begin at the message, or at the tool: ("content", 0)
    size: int = 0  # characters that it counts as: those of the text, but of images

    def __hash__(self) -> int:
        """That of the text, which Python keeps: tables of blocks are asked often."""
        return hash(self.text)

    @property
    def head(self) -> int:
        """Characters of the line that says whose it is."""
        return self.text.find(_HEAD) + len(_HEAD) if self.opens and _HEAD in self.text else 0

    @property
    def said(self) -> str:
        """The text without the line that says whose it is, to be shown."""
        return self.text[self.head :]

    @property
    def is_image(self) -> bool:
        """Whether it has data of which a model does not read the letters."""
        return bool(self.pieces) and self.size < len(self.text)

    def at(self, character: int) -> tuple[Path, int]:
        """The piece that has this character of the text, by its path, and where in the piece it is."""
        left = character - (len(self.text) - sum(len(piece.text) for piece in self.pieces))
        for piece in self.pieces:
            if left < len(piece.text) or piece is self.pieces[-1]:
                return piece.path, max(left, 0)
            left -= len(piece.text)
        return (), character


def shortened(block: Block, cut: Cut) -> Block:
    """With nothing but the ends of its long pieces, and between them a digest of the whole: it is as large as before,
    and the same as another one only if all of both was the same."""
    pieces = tuple(piece._replace(text=_ends(piece.text, cut)) for piece in block.pieces)
    head = block.text[: len(block.text) - sum(len(piece.text) for piece in block.pieces)]
    return block._replace(text=head + "".join(piece.text for piece in pieces), pieces=pieces)


def _ends(text: str, cut: Cut) -> str:
    if len(text) <= cut.long:
        return text
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    begin, end = text[: cut.edge], text[-cut.edge :]
    return f"{begin}\n<|{len(text):,} characters, of which this was not kept: {digest}|>\n{end}"
