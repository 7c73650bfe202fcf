"""A difference between two prompts in words: where it is, and what kind of thing changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from everwarm.core.analysis.alike import Alike, alike, tool_name
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.compare import Difference
from everwarm.core.analysis.loss import SHOWN, Change
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.layout.piece import Path, name
from everwarm.core.layout.span import Span
from everwarm.core.layout.volatile import find

_AROUND: Final = 300
"""Characters on either side of a difference in which it is looked for what changes by nature."""

_FEW: Final = 2
"""Characters that may go where a text only grows: the end of a line, a number."""

_PASSAGE: Final = 200
"""Characters of a passage, at least."""

_BEFORE: Final = 12
"""Characters before a difference that are shown, where it is nothing that is recognised."""


def change_of(
    prompts: Prompts, dialect: str, old: Sequence[int], new: Sequence[int], difference: Difference
) -> Change | None:
    """The first thing that is different; None if one prompt goes on where the other ended."""
    at = difference.blocks
    if difference.grown or at >= min(len(old), len(new)):
        return None
    before, after = prompts.blocks[old[at]], prompts.blocks[new[at]]
    if "tools" in (before.tier, after.tier):
        return _of_tools(prompts, dialect, old, new, difference)
    pairs = {b: a for a, b in difference.pairs}
    if pairs.get(new[at]) == old[at]:
        return _of_text(before, after, _path(prompts, dialect, new, at))
    return _of_row(prompts, dialect, old, new, difference)


def _of_tools(prompts: Prompts, dialect: str, old: Sequence[int], new: Sequence[int], difference: Difference) -> Change:
    at = difference.blocks
    before, after = prompts.blocks[old[at]], prompts.blocks[new[at]]
    had, has = _tools(prompts, old), _tools(prompts, new)
    path = _path(prompts, dialect, new, at) if after.tier == "tools" else "tools"
    added, gone = sorted(has.keys() - had.keys()), sorted(had.keys() - has.keys())
    if added or gone:
        what = "tools added and removed" if added and gone else "tools added" if added else "tools removed"
        return Change("tools", what, path, 0, 0, _names(gone), _names(added))
    altered = [key for key in has if has[key].text != had[key].text and not alike(had[key], has[key]).same]
    if altered:
        found = _of_text(had[altered[0]], has[altered[0]], path)
        return found._replace(tier="tools", what=f"a tool changed: {found.what}")
    names_before, names_after = list(had), list(has)
    if names_before != names_after:
        spelled = any(has[key].text != had[key].text for key in has)
        what = "tools and their keys in another order" if spelled else "tools in another order"
        return Change("tools", what, "tools", 0, 0, _names(names_before), _names(names_after))
    found = _of_text(before, after, path)
    return found._replace(tier="tools", what="keys in another order")


def _of_text(before: Block, after: Block, path: str) -> Change:
    """One block that is another one."""
    both = alike(before, after)
    if both.same:
        what = "keys in another order" if sorted(before.text) == sorted(after.text) else "JSON written otherwise"
        return _shown(before, after, both, what, path)
    if _middle(before, both).split() == _middle(after, both).split():
        return _shown(before, after, both, "white space", path)
    spans = _span(before.text, both.first), _span(after.text, both.first)
    kind = next((span.kind for span in reversed(spans) if span), "")
    if kind:
        return _shown(before, after, both, kind, path, spans)
    return _shown(before, after, both, _unknown(before, after, both), path)


def _middle(block: Block, both: Alike) -> str:
    """What is different, and a character on either side."""
    return block.text[max(both.first - 1, 0) : len(block.text) - max(both.last - 1, 0)]


def _unknown(before: Block, after: Block, both: Alike) -> str:
    """What is of no form of its own is told by how it changed."""
    if after.size != len(after.text):
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


def _of_row(prompts: Prompts, dialect: str, old: Sequence[int], new: Sequence[int], difference: Difference) -> Change:
    """Blocks that came or went."""
    at = difference.blocks
    before, after = prompts.blocks[old[at]], prompts.blocks[new[at]]
    path = _path(prompts, dialect, new, at)
    if new[at] in old[at:]:
        what = "thinking dropped" if _is_thinking(before) else "earlier messages dropped (a sliding window)"
    elif old[at] in new[at:]:
        what = "a message put in between" if after.tier == "messages" else "text put in between"
    else:
        left = sum(prompts.blocks[number].size for number in old[at:])
        now = sum(prompts.blocks[number].size for number in new[at:])
        what = "history compacted" if 2 * now < left else "earlier messages replaced"
    tier = (
        after.tier if after.tier == before.tier else "system" if "system" in (after.tier, before.tier) else after.tier
    )
    if tier == "system" and what == "earlier messages replaced":
        what = "another system prompt"
    return Change(tier, what, path, 0, 0, before.text.strip()[:SHOWN], after.text.strip()[:SHOWN])


def _is_thinking(block: Block) -> bool:
    return any(piece.kind == "opaque" and "thinking" in piece.text[:60] for piece in block.pieces)


def _tools(prompts: Prompts, row: Sequence[int]) -> dict[str, Block]:
    found: dict[str, Block] = {}
    for number in row:
        block = prompts.blocks[number]
        if block.tier != "tools":
            break
        found.setdefault(tool_name(block), block)
    return found


def _names(names: Sequence[str]) -> str:
    text = ", ".join(each.removeprefix("name ") for each in names)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _span(text: str, at: int) -> Span | None:
    """What changes by nature, and stands there; in characters of the text."""
    low = max(0, at - _AROUND)
    window = text[low : at + _AROUND]
    found = next((span for span in find(window) if span.start <= at - low < span.end), None)
    return found and Span(found.start + low, found.end + low, found.kind)


def _shown(
    before: Block,
    after: Block,
    both: Alike,
    what: str,
    path: str,
    spans: tuple[Span | None, Span | None] = (None, None),
) -> Change:
    at = both.first
    inner, start = after.at(at)
    was, became = (_cut(block.text, at, span) for block, span in zip((before, after), spans, strict=True))
    span = spans[1]
    piece, last = after.at((span.end if span else len(after.text) - both.last) - 1)
    end = max(last, start) + 1 if piece == inner else start + 1
    start -= min(at - span.start, start) if span else 0
    return Change(after.tier, what, _joined(path, inner), start, end, was, became)


def _cut(text: str, at: int, span: Span | None) -> str:
    if span:
        return text[span.start : min(span.end, span.start + SHOWN)]
    start = max(0, at - _BEFORE)
    return ("..." if start else "") + text[start : start + SHOWN - 3]


def _path(prompts: Prompts, dialect: str, row: Sequence[int], at: int) -> str:
    """Of the message, tool or system prompt that a block belongs to, in the body."""
    block = prompts.blocks[row[at]]
    if block.tier == "tools":
        return f"tools[{at}]"
    if block.tier == "system" and dialect in ("anthropic_messages", "openai_responses", ""):
        return _system(prompts, dialect, row, at)
    if dialect == "openai_completions":
        return "prompt"
    apart = ("tools", "system") if dialect in ("anthropic_messages", "openai_responses", "") else ("tools",)
    begun = sum(prompts.blocks[n].opens and prompts.blocks[n].tier not in apart for n in row[: at + 1])
    return f"{'input' if dialect == 'openai_responses' else 'messages'}[{max(begun - 1, 0)}]"


def _system(prompts: Prompts, dialect: str, row: Sequence[int], at: int) -> str:
    if dialect == "openai_responses":
        return "instructions"
    pieces = prompts.blocks[row[at]].pieces
    if not pieces or len(pieces[0].path) < 2:
        return "system"
    return f"system[{sum(prompts.blocks[number].tier == 'system' for number in row[:at])}]"


def _joined(path: str, inner: Path) -> str:
    """The path within a message behind that of the message."""
    if inner[:1] == ("system",):
        inner = inner[2:]  # how many parts are before it was counted
    elif inner[:1] in (("instructions",), ("prompt",)):
        inner = inner[1:]
    return path + name(("", *inner)) if inner else path
