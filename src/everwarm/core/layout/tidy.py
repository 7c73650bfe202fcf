"""Which of the stretches that two texts have in common are worth to be literals: few and long ones, cut where people cut.

Retrieved passages are one slot and not dozens, though a blank line, "Passage 2:" or a word is the same in all of them.
But a label stays: "User: " between two short values, a heading between two long ones.
"""

from __future__ import annotations

import re
from typing import Final

from everwarm.core.layout.compare import Diff, Gap

_WIDE: Final = 120
"""Characters of a gap that is more than a value in a line. So is one with more than a line."""

_LETTERS: Final = 3
"""Letters and digits of a literal, at least."""

_IN_LINE: Final = 8
"""Characters of a literal between two slots in one line, at least; and half of what stands beside it."""

_PHRASE: Final = 24
"""Letters of some words that are a literal beside a wide gap; or of a whole line half as many."""

_NO_LETTER: Final = re.compile(r"[\W_]+")
_DIGITS: Final = re.compile(r"[0-9]+")
_LABELLED: Final = re.compile(r"(?:\A|\n)[^\n]*\w[^\n]*[:：=>][\"'`*\s]*\Z")
_HEADING: Final = re.compile(r"\n[ \t]*(?:#+[ \t]*\w|</?\w)|\w[:：][*_]*\n")
_CLOSING: Final = re.compile(r"</|[\"'`]")


def tidy(diff: Diff) -> tuple[str, ...]:
    """The literals that remain; each is a stretch of one of those in ``diff``, which is used up."""
    count = 0
    while count != len(diff.gaps):
        count = len(diff.gaps)
        _trim(diff)
        _swallow(diff)
    return tuple(diff.literals)


def _swallow(diff: Diff) -> None:
    """Literals that are too little go into the gaps around them."""
    literals, gaps = diff.literals[:1], diff.gaps[:1]
    for literal, following, gap in zip(diff.literals[1:-1], diff.literals[2:], diff.gaps[1:], strict=True):
        if _survives(literal, gaps[-1], gap) and _head(literal) not in (_head(literals[-1]), _head(following)):
            literals.append(literal)
            gaps.append(gap)
        else:
            gaps[-1] = Gap(gaps[-1].ours + literal + gap.ours, gaps[-1].theirs + literal + gap.theirs)
    diff.literals, diff.gaps = [*literals, *diff.literals[-1:]] if gaps else literals, gaps


def _head(literal: str) -> str:
    """What stands last in it, without its numbers: "Passage :" at the head of a passage, "- " at that of an item."""
    return _DIGITS.sub("", literal.strip().rsplit("\n", 1)[-1])


def _survives(literal: str, before: Gap, after: Gap) -> bool:
    letters = _letters(literal)
    if letters < _LETTERS:
        return False
    if "\n" in literal and (_LABELLED.search(literal) or _HEADING.search(literal)):
        return True
    if _is_wide(before) or _is_wide(after):
        return letters >= _PHRASE or any(_letters(line) >= _PHRASE // 2 for line in literal.split("\n")[1:-1])
    if "\n" in literal:
        return letters >= _IN_LINE
    return len(literal) >= _IN_LINE and 2 * len(literal) >= max(before.length, after.length)


def _trim(diff: Diff) -> None:
    """Beside a wide gap a literal begins and ends with its lines: a few words of a line are like it by chance."""
    for place, gap in enumerate(diff.gaps):
        if _is_wide(gap):
            before, after = diff.literals[place], diff.literals[place + 1]
            kept, rest = len(before) - _loose_end(before), _loose_beginning(after)
            diff.literals[place], diff.literals[place + 1] = before[:kept], after[rest:]
            diff.gaps[place] = Gap(before[kept:] + gap.ours + after[:rest], before[kept:] + gap.theirs + after[:rest])


def _loose_end(literal: str) -> int:
    """Characters of the last line of ``literal``, if it is begun by chance."""
    line = literal.rsplit("\n", 1)[-1]
    return 0 if _letters(line) >= _PHRASE or _LABELLED.search(line) else len(line)


def _loose_beginning(literal: str) -> int:
    """Characters of the first line of ``literal``, if it is ended by chance."""
    line = literal.split("\n", 1)[0]
    return 0 if _letters(line) >= _PHRASE or _CLOSING.match(line) else len(line)


def _is_wide(gap: Gap) -> bool:
    return gap.length > _WIDE or "\n" in gap.ours or "\n" in gap.theirs


def _letters(text: str) -> int:
    return len(_NO_LETTER.sub("", text))
