"""A difference between two prompts in words: where it is, and what kind of thing changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from everwarm.core.analysis.alike import Alike, alike
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.compare import Difference
from everwarm.core.analysis.loss import SHOWN, Change
from everwarm.core.analysis.meanings import mean_the_same
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.where import placed
from everwarm.core.layout.piece import Path, name
from everwarm.core.layout.span import Span
from everwarm.core.layout.volatile import around, find

_AROUND: Final = 300
"""Characters on either side of a difference in which it is looked for what changes by nature."""

_FEW: Final = 2
"""Characters that may go where a text only grows: the end of a line, a number."""

_PASSAGE: Final = 200
"""Characters of a passage, at least."""

_BEFORE: Final = 12
"""Characters before a difference that are shown, where it is nothing that is recognised."""


_GONE: Final = ("earlier messages dropped (a sliding window)", "text left out")
_PUT: Final = ("a message put in between", "text put in between")
"""Of messages, and of a system prompt."""


class _Both(NamedTuple):
    """Two rows of blocks, and where they are no longer the same."""

    prompts: Prompts
    dialect: str
    old: Sequence[int]
    new: Sequence[int]
    at: int
    units: int  # of the new one

    @property
    def before(self) -> Block:
        return self.prompts.blocks[self.old[self.at]]

    @property
    def after(self) -> Block:
        return self.prompts.blocks[self.new[self.at]]

    def placed(self, at: int) -> tuple[Path, Block]:
        """Of the new one the block at this place, and where it stands."""
        return placed(self.prompts, self.dialect, self.new, at, self.units)

    def tools(self, row: Sequence[int]) -> dict[str, int]:
        """By name, of either row."""
        found: dict[str, int] = {}
        for number in row:
            tier, name = self.prompts.kinds[number]
            if tier != "tools":
                break
            found.setdefault(name, number)
        return found

    def mean_the_same(self, old: int, new: int) -> bool:
        """Whether one block is the other one, spelled otherwise."""
        meanings, blocks = self.prompts.meanings, self.prompts.blocks
        return meanings[old] == meanings[new] or mean_the_same(blocks[old], blocks[new])


def change_of(
    prompts: Prompts, dialect: str, old: Sequence[int], new: Sequence[int], difference: Difference, units: int = 0
) -> Change | None:
    """The first thing that is different; None if one prompt goes on where the other ended. ``units``: of the new one
    (``Prompt.units``), by which paths are told exactly."""
    at = difference.blocks
    if difference.grown or at >= min(len(old), len(new)):
        return None
    both = _Both(prompts, dialect, old, new, at, units)
    if "tools" in (both.before.tier, both.after.tier):
        return _of_tools(both)
    if (old[at], new[at]) in difference.pairs:
        return _of_text(both, both.before, at)
    return _of_row(both)


def _of_tools(both: _Both) -> Change:
    had, has = both.tools(both.old), both.tools(both.new)
    added, gone = sorted(has.keys() - had.keys()), sorted(had.keys() - has.keys())
    if added or gone:
        what = "tools added and removed" if added and gone else "tools added" if added else "tools removed"
        path = name(both.placed(both.at)[0]) if both.after.tier == "tools" else "tools"
        return Change("tools", what, path, 0, 0, _names(gone), _names(added))
    spelled = [key for key in has if had[key] != has[key]]
    altered = next((key for key in spelled if not both.mean_the_same(had[key], has[key])), None)
    if altered is not None:
        found = _of_tool(both, had[altered], has[altered])
        return found._replace(what=f"a tool changed: {found.what}")
    if list(had) != list(has):
        what = "tools and their keys in another order" if spelled else "tools in another order"
        return Change("tools", what, "tools", 0, 0, _names(list(had)), _names(list(has)))
    if spelled:
        return _of_tool(both, had[spelled[0]], has[spelled[0]])
    return Change("tools", "a tool twice", "tools", 0, 0, _names(list(had)), _names(list(has)))


def _of_tool(both: _Both, before: int, after: int) -> Change:
    return _of_text(both, both.prompts.blocks[before], both.new.index(after))


def _of_text(rows: _Both, before: Block, place: int) -> Change:
    """The block at this place of the new one, that is another one."""
    both = alike(before, rows.prompts.blocks[rows.new[place]])
    path, after = rows.placed(place)
    if both.same:
        same = sorted(_middle(before, both)) == sorted(_middle(after, both))
        what = "keys in another order" if same else "JSON written otherwise"
        return _shown(before, after, both, what, path)
    if _may_be_space(before, after, both) and _middle(before, both).split() == _middle(after, both).split():
        return _shown(before, after, both, "white space", path)
    spans = _span(before.text, both.first), _span(after.text, both.first)
    kind = next((span.kind for span in reversed(spans) if span), "")
    if kind:
        return _shown(before, after, both, kind, path, spans)
    return _shown(before, after, both, _unknown(before, after, both), path)


def _middle(block: Block, both: Alike) -> str:
    """What is different, and a character on either side."""
    return block.text[max(both.first - 1, 0) : len(block.text) - max(both.last - 1, 0)]


def _may_be_space(before: Block, after: Block, both: Alike) -> bool:
    """Whether one of both has white space, or ends, where they part; to split long texts costs time."""
    at = both.first
    was, became = before.text[at : at + 1], after.text[at : at + 1]
    return not was or not became or was.isspace() or became.isspace()


def _unknown(before: Block, after: Block, both: Alike) -> str:
    """What is of no form of its own is told by how it changed."""
    if after.is_image:
        return "an image"
    gone, come = (len(block.text) - both.first - both.last - both.lines for block in (before, after))
    if after.tier == "messages":
        result = after.role == "tool" or any(piece.kind == "result" for piece in after.pieces)
        return "a tool's result edited" if result else "a message edited"
    if gone <= _FEW < come:
        return "growing text, such as a memory"
    if min(gone, come) >= _PASSAGE:
        return "other passages, such as retrieved ones"
    return "text that changes"


def _of_row(both: _Both) -> Change:
    """Blocks that came or went."""
    before, after, blocks = both.before, both.after, both.prompts.blocks
    old, new = ([blocks[number] for number in row[both.at :]] for row in (both.old, both.new))
    system = "system" in (before.tier, after.tier)
    if any(_says(after, block) for block in old):
        what = "thinking dropped" if _is_thinking(before) else _GONE[system]
    elif any(_says(before, block) for block in new):
        what = _PUT[system]
    elif system:
        what = "another system prompt"
    else:
        left, now = (sum(block.size for block in row) for row in (old, new))
        what = "history compacted" if 2 * now < left else "earlier messages replaced"
    path = name(both.placed(both.at)[0])
    return Change("system" if system else "messages", what, path, 0, 0, _cut(before), _cut(after))


def _says(one: Block, other: Block) -> bool:
    """Whether both are the same, be one the beginning of a message or not."""
    return one.role == other.role and one.said == other.said


def _is_thinking(block: Block) -> bool:
    return any(piece.kind == "opaque" and "thinking" in piece.text[:60] for piece in block.pieces)


def _names(names: Sequence[str]) -> str:
    text = ", ".join(each.removeprefix("name ") for each in names)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _span(text: str, at: int) -> Span | None:
    """What changes by nature, and stands there; in characters of the text."""
    low = max(0, at // _AROUND - 1) * _AROUND
    begin, end = around(text, at, low, low + 3 * _AROUND)
    found = next((span for span in _spans(text[begin:end]) if span.start <= at - begin < span.end), None)
    return found and Span(found.start + begin, found.end + begin, found.kind)


@lru_cache(maxsize=1024)
def _spans(text: str) -> tuple[Span, ...]:
    """Of a line: it is that of the newer one of two prompts, and then of the older one."""
    return find(text)


def _shown(
    before: Block,
    after: Block,
    both: Alike,
    what: str,
    path: Path,
    spans: tuple[Span | None, Span | None] = (None, None),
) -> Change:
    at = both.first
    inner, start = after.at(at)
    was, became, span = _cut(before, at, spans[0]), _cut(after, at, spans[1]), spans[1]
    piece, last = after.at((span.end if span else len(after.text) - both.last) - 1)
    end = max(last, start) + 1 if piece == inner else start + 1
    start -= min(at - span.start, start) if span else 0
    return Change(after.tier, what, name(inner or path), start, end, was, became)


def _cut(block: Block, at: int = 0, span: Span | None = None) -> str:
    """What is shown of a text."""
    if span:
        return block.text[span.start : min(span.end, span.start + SHOWN)]
    start = max(0, at - _BEFORE - block.head)
    return ("..." if start else "") + block.said[start : start + SHOWN - 3]
