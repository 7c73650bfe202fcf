"""From the pieces of a message, a tool or a system prompt to the blocks that it counts as."""

from __future__ import annotations

from collections.abc import Sequence

from everwarm.core.analysis.block import IMAGE, Block
from everwarm.core.layout.piece import Path, Piece, made


def grouped(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """By the part of the content that they belong to. What belongs to none (calls of tools) goes to the last one."""
    rows: list[list[Piece]] = []
    before: Path | None = None
    for piece in pieces:
        here = _part(piece.path)
        if not rows or (here is not None and here != before):
            rows.append([piece])
            before = here
        else:
            rows[-1].append(piece)
    return rows


def _part(path: Path) -> Path | None:
    """The path of the part of a content; of a tool or a system prompt its own; None if it is in none."""
    if path[0] in ("messages", "input") and len(path) > 2:
        return path[:4] if path[2] == "content" else None
    return path[:2]


def place_of(begins: Sequence[Path], path: Path) -> int | None:
    """Which block has what stands at this path. A mark within the result of a tool is its block's."""
    part = _part(path)
    return next((n for n, begin in enumerate(begins) if part is None or _part(begin) == part), None)


def blocks_of(pieces: Sequence[Piece]) -> list[Block]:
    """Those that the pieces of one message, tool or system prompt make. The paths of the pieces begin at the body."""
    if len(pieces) == 1:  # most of them
        return [_block(pieces, opens=True)]
    return [_block(row, opens=n == 0) for n, row in enumerate(grouped(pieces))]


def _block(pieces: Sequence[Piece], *, opens: bool) -> Block:
    first = pieces[0]
    head = f"\n<|{first.role}|>\n" if opens else ""
    text = head + first.text if len(pieces) == 1 else "".join([head, *[piece.text for piece in pieces]])
    inner = _outer(first.path)
    own = tuple([made(Piece, (path[inner:], tier, role, kind, said, 0)) for path, tier, role, kind, said, _ in pieces])
    size = len(text)
    if size > IMAGE:
        size = len(head) + sum([IMAGE if _is_image(piece) else len(piece.text) for piece in pieces])
    return made(Block, (first.tier, first.role, opens, text, own, size))


def _outer(path: Path) -> int:
    """Steps to the message or tool, whose number is another one in each request: a block's paths go on from there."""
    return 2 if len(path) > 1 and isinstance(path[1], int) and path[0] != "system" else 0


def _is_image(piece: Piece) -> bool:
    """Data of which a model does not read the letters."""
    return (
        piece.kind == "opaque"
        and len(piece.text) > IMAGE
        and ("base64" in piece.text[:200] or "data:" in piece.text[:200])
    )
