"""What two blocks have in common, of which one stands where the other stood."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Final, NamedTuple

import orjson

from everwarm.core.analysis.block import Block
from everwarm.core.common_prefix import common_prefix, common_suffix
from everwarm.core.layout.meaning import meaning
from everwarm.core.layout.tools import name_of

_LINE: Final = 12
"""Characters of a line that is long enough to be known again."""


class Alike(NamedTuple):
    """In characters of the newer one's size."""

    first: int  # as they begin
    last: int  # as they end, without what is counted in ``first``
    lines: int  # in between: whole lines that both have, in whatever order; not counted where they are the ``same``
    same: bool  # whether they mean the same, spelled otherwise: JSON with its keys in another order

    def of(self, size: int) -> int:
        """Characters of the newer one, which has so many, that the older one had as well."""
        return size if self.same else min(self.first + self.last + self.lines, size)


@lru_cache(maxsize=4096)
def again(old: Block, new: Block) -> int:
    """Characters of the newer one that the older one had as well."""
    return new.size if mean_the_same(old, new) else alike(old, new).of(new.size)


@lru_cache(maxsize=1024)
def alike(old: Block, new: Block) -> Alike:
    """Never more than the shorter of the two has."""
    before, after = old.text, new.text
    first = common_prefix(before, after)
    before, after = before[first:], after[first:]
    last = common_suffix(before, after)
    if mean_the_same(old, new):
        return Alike(first, last, 0, True)
    return Alike(first, last, _lines(before[: len(before) - last], after[: len(after) - last]), False)


def _lines(old: str, new: str) -> int:
    """Characters of the lines of the newer text that the older one has as well; short ones are everywhere."""
    if min(len(old), len(new)) < _LINE:
        return 0
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    if set(before).isdisjoint(after):
        return 0
    left = Counter(before)
    found = 0
    for line in after:
        if len(line) >= _LINE and left[line] > 0:
            left[line] -= 1
            found += len(line)
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
    return (_name(block.pieces[0].text) if block.pieces else None) or block.text


@lru_cache(maxsize=4096)
def _name(text: str) -> str | None:
    """Of a tool that is this JSON; None if it has none. All its spellings are read once."""
    return _named(_meaning(text) or text)


@lru_cache(maxsize=1024)
def _named(data: bytes | str) -> str | None:
    try:
        return name_of(orjson.loads(data))
    except orjson.JSONDecodeError:
        return None
