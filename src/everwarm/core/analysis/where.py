"""Where in the body of a request a block of its prompt stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import orjson

from everwarm.core.analysis.block import Block
from everwarm.core.analysis.blocks import grouped
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.units import Unit
from everwarm.core.layout.outline import outline
from everwarm.core.layout.piece import Path, Piece

_ALONE: Final = (("system",), ("instructions",), ("prompt",), ("input",), ("suffix",))
_ROWS: Final = ("messages", "input")
"""Members in which the paths of a block begin at the item that it belongs to."""


def placed(prompts: Prompts, dialect: str, row: Sequence[int], at: int, units: int = 0) -> tuple[Path, Block]:
    """The path of the tool, message or system prompt that the block at this place of a row belongs to, and the block
    with its pieces as they stand in this body: their paths begin at the body.

    ``units``: those of the prompt (``Prompt.units``). Without, as in transcripts, it is told from the row: where one
    text was once a string and once in a list, paths are those of the first that was seen.
    """
    found = _by_units(prompts, dialect, at, units)
    return found or _by_row(prompts, dialect, row, at)


def _by_units(prompts: Prompts, dialect: str, at: int, units: int) -> tuple[Path, Block] | None:
    member, place = "", 0
    for prefix in prompts.bodies.path(units):
        unit = prompts.units[prompts.bodies.block[prefix]]
        member, place = (member, place + 1) if unit.member == member else (unit.member, 0)
        if at < len(unit.blocks):
            path: Path = (member, place) if unit.listed else (member,)
            return None if unit.data is None else (path, _in_unit(prompts, dialect, unit, at, path))
        at -= len(unit.blocks)
    return None


def _in_unit(prompts: Prompts, dialect: str, unit: Unit, at: int, path: Path) -> Block:
    """The block at this place of a unit. If it was seen first there, its pieces are those of the unit, and a tool is
    one piece; else the unit is asked, for the same text may have been in another form."""
    number = unit.blocks[at]
    block = prompts.blocks[number]
    pieces: Sequence[Piece] = block.pieces
    inner = 0 if unit.listed and unit.member in _ROWS else len(path)
    if block.tier != "tools" and (number < unit.first or unit.blocks.index(number) < at):
        value = orjson.loads(unit.data or b"")
        pieces = grouped(outline(dialect, {unit.member: [value] if unit.listed else value}))[at]
        inner = len(path)
    return block._replace(pieces=_moved(pieces, path, inner))


def _moved(pieces: Sequence[Piece], path: Path, inner: int) -> tuple[Piece, ...]:
    """Behind this path, without so much of their own."""
    return tuple([Piece(path + p.path[inner:], p.tier, p.role, p.kind, p.text, p.message) for p in pieces])


def _by_row(prompts: Prompts, dialect: str, row: Sequence[int], at: int) -> tuple[Path, Block]:
    block = prompts.blocks[row[at]]
    path = _path(prompts, dialect, row, at)
    inner = 2 if _stands_alone(block) and len(path) == 2 else 1 if _stands_alone(block) else 0
    return path, block._replace(pieces=_moved(block.pieces, path, inner))


def _path(prompts: Prompts, dialect: str, row: Sequence[int], at: int) -> Path:
    block = prompts.blocks[row[at]]
    if block.tier == "tools":
        return "tools", sum(prompts.blocks[number].opens for number in row[:at])
    if _stands_alone(block):
        first = block.pieces[0].path if block.pieces else ("system",)
        earlier = sum(prompts.blocks[number].tier == "system" for number in row[:at])
        return (first[0], earlier) if len(first) > 1 else first
    upto = (prompts.blocks[number] for number in row[: at + 1])
    begun = sum(each.opens and each.tier != "tools" and not _stands_alone(each) for each in upto)
    return "input" if dialect == "openai_responses" else "messages", max(begun - 1, 0)


def _stands_alone(block: Block) -> bool:
    """Whether it is of no message: a system prompt in a member of its own, a prompt of one text, what is hidden."""
    if not block.pieces:
        return block.tier == "system"
    return block.pieces[0].path[:1] in _ALONE
