"""Which of the stretches that two texts have in common are worth to be literals: few, and cut where people cut.

Retrieved passages are one slot and not dozens, though a blank line, "Passage 2:" or a word is the same in all of them.
But a label stays: "User: " between two short values, a heading between two long ones.
"""

from __future__ import annotations

import re
from typing import Final

from everwarm.core.layout import volatile
from everwarm.core.layout.compare import WIDE, Diff, Gap

_LETTERS: Final = 3
"""Letters and digits of a literal, at least."""

_IN_LINE: Final = 8
"""Characters of a literal between two slots in one line, at least; and half of what stands beside it."""

_PHRASE: Final = 24
"""Letters of some words that are a literal beside a wide gap; or of a whole line half as many."""

_NO_LETTER: Final = re.compile(r"[\W_]+")
_DIGITS: Final = re.compile(r"[0-9]+")
_AFTER_LABEL: Final = " \t\r\n\"'`*"
_LABEL_ENDS: Final = (":", "：", "=", ">")
_HEADING: Final = re.compile(r"\n[ \t]*(?:#+[ \t]*\w|</?\w)|\w[:：][*_]*\n")
_CLOSING: Final = re.compile(r"[ \t]*(?:</|[\"'`])")


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
    first, *inner, last = diff.literals
    literals, gaps = [first], diff.gaps[:1]
    for before, literal, behind, gap in zip(diff.literals, inner, [*inner[1:], last], diff.gaps[1:], strict=False):
        if _survives(literal, gaps[-1], gap) and not _recurs(literal, before, behind):
            literals.append(literal)
            gaps.append(gap)
        else:
            gaps[-1] = Gap(gaps[-1].ours + literal + gap.ours, gaps[-1].theirs + literal + gap.theirs)
    diff.literals, diff.gaps = [*literals, last], gaps


def _recurs(literal: str, before: str, behind: str) -> bool:
    """Whether it divides the items of a list: it ends as what is before it, or is like what is behind it."""
    if len(literal) > WIDE or not literal.strip():
        return False
    return _last_line(literal) == _last_line(before) or (len(behind) <= WIDE and _mask(literal) == _mask(behind))


def _mask(text: str) -> str:
    """Without numbers: "Passage :" stands before each of the passages."""
    return _DIGITS.sub("", text.strip())


def _last_line(text: str) -> str:
    return _mask(text.strip().rsplit("\n", 1)[-1])


def _is_label(literal: str) -> bool:
    """Whether it ends with a line, or part of one, that says what comes next: "User: "."""
    text = literal.rstrip(_AFTER_LABEL)
    return text.endswith(_LABEL_ENDS) and _letters(text.rsplit("\n", 1)[-1]) > 0


def _survives(literal: str, before: Gap, after: Gap) -> bool:
    letters = _letters(literal)
    wide = before.is_wide or after.is_wide
    if letters < _LETTERS:
        return "\n" in literal and not wide and _is_one(before) and _is_one(after)
    if "\n" in literal and (_is_label(literal) or _HEADING.search(literal)):
        return True
    if wide:
        return letters >= _PHRASE or any(_letters(line) >= _PHRASE // 2 for line in literal.split("\n")[1:-1])
    if "\n" in literal:
        return letters >= _IN_LINE
    return len(literal) >= _IN_LINE and 2 * len(literal) >= max(before.length, after.length)


def _is_one(gap: Gap) -> bool:
    """Whether the text has one thing there that changes by nature, and nothing else."""
    return [span[:2] for span in volatile.find(gap.theirs)] == [(0, len(gap.theirs))]


def _trim(diff: Diff) -> None:
    """Beside a wide gap a literal begins and ends with its lines: a few words of a line are like it by chance."""
    for place, gap in enumerate(diff.gaps):
        if gap.is_wide:
            before, after = diff.literals[place], diff.literals[place + 1]
            kept, rest = len(before) - _loose_end(before, gap), _loose_beginning(after, gap)
            diff.literals[place], diff.literals[place + 1] = before[:kept], after[rest:]
            diff.gaps[place] = Gap(before[kept:] + gap.ours + after[:rest], before[kept:] + gap.theirs + after[:rest])


def _loose_end(literal: str, gap: Gap) -> int:
    """Characters of the last line of ``literal`` that is begun by chance. Its end is in the gap."""
    line = literal.rsplit("\n", 1)[-1]
    whole = all(side.startswith("\n") for side in gap if side)
    return 0 if whole or _letters(line) >= _PHRASE or _is_label(line) else len(line)


def _loose_beginning(literal: str, gap: Gap) -> int:
    """Characters of the first line of ``literal`` that is ended by chance. Its beginning is in the gap."""
    line = literal.split("\n", 1)[0]
    whole = all(side.endswith("\n") for side in gap if side)
    return 0 if whole or _letters(line) >= _PHRASE or _CLOSING.match(line) else len(line)


def _letters(text: str) -> int:
    return len(_NO_LETTER.sub("", text))
