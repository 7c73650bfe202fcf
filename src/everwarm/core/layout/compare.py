"""Where a template and a text are the same: a patience diff, first of lines and sentences, then of words.

Only what stands once on both sides is matched, and then what is equal beside it: so "the" in one passage is never
taken for "the" in another. A date, an id and whatever else ``volatile`` recognises is one atom, never cut. A slot of
the template is an atom too, and is like nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, takewhile
from typing import Final, NamedTuple

from everwarm.core.layout import volatile

_SENTENCE_END: Final = r"""[.!?](?<=[a-z)\]"'`*]{2}.)[ ]+(?=[A-Z"'(*\[])"""
_LINES: Final = re.compile(rf"(?!\Z)(?:[^\n。！？.!?]++|(?!{_SENTENCE_END})[.!?])*+(?:\n+|[。！？]|{_SENTENCE_END}|\Z)")
_WORDS: Final = re.compile(
    r"\n|[^\S\n]+|[\u3041-\u309f]+|[\u30a0-\u30ff]+|[\u4e00-\u9fff々]+"
    r"|[^\W\u3041-\u9fff々]+(?:[-:./@+'][^\W\u3041-\u9fff々]+)*|."
)
_ATOMS: Final = 40_000
"""Where a side has more of them, only what both sides begin and end with is compared."""

_ROUNDS: Final = 12
"""How often stretches between matches are compared once more: in each there may be atoms that stand once only in it."""


WIDE: Final = 120
"""Characters of a gap that is more than a value in a line."""


class Gap(NamedTuple):
    """What stands between two literals."""

    ours: str  # what the template had there; nothing of the values of its slots
    theirs: str  # what the text has there

    @property
    def length(self) -> int:
        """Characters, of the longer one."""
        return max(len(self.ours), len(self.theirs))

    @property
    def is_wide(self) -> bool:
        """Whether it is more than a value in a line."""
        return self.length > WIDE or "\n" in self.ours or "\n" in self.theirs


class Diff:
    """Literals with gaps between them: ``len(gaps) + 1`` literals, the inner ones never empty once it is complete."""

    def __init__(self) -> None:
        self.literals = [""]
        self.gaps: list[Gap] = []

    def same(self, text: str) -> None:
        """Next on both sides comes ``text``."""
        if len(self.gaps) == len(self.literals):
            self.literals.append("")
        self.literals[-1] += text

    def other(self, ours: str, theirs: str) -> None:
        """Next comes this on one side, and that on the other. Not twice in a row."""
        self.gaps.append(Gap(ours, theirs))

    def close(self) -> Diff:
        """Nothing more comes."""
        if len(self.gaps) == len(self.literals):
            self.literals.append("")
        return self


Atom = str | None
"""A string that is matched as a whole; ``None``: a slot."""

_Run = tuple[int, int, int]
"""Where atoms are the same: from here on, from there on the other side, how many."""


def compare(literals: Sequence[str], text: str) -> Diff:
    """The literals of a template, cut where ``text`` is different.

    What is left of them stands in ``text`` in this order, the first one at its beginning, the last one at its end.
    """
    whole: set[str] = set()
    ours: list[Atom] = [*_cut(literals[0], whole)]
    for literal in literals[1:]:
        ours += [None, *_cut(literal, whole)]
    theirs: list[Atom] = [*_cut(text, whole)]
    diff = Diff()
    for one, other, same in _stretches(ours, theirs):
        if same:
            diff.same(_text(one))
        else:
            _compare_words(diff, one, other, whole)
    return diff.close()


def _compare_words(diff: Diff, ours: list[Atom], theirs: list[Atom], whole: set[str]) -> None:
    for one, other, same in _stretches(_words(ours, whole), _words(theirs, whole)):
        if same:
            diff.same(_text(one))
        else:
            diff.other(_text(one), _text(other))


def _text(atoms: Iterable[Atom]) -> str:
    return "".join(filter(None, atoms))


def _cut(text: str, whole: set[str]) -> Iterator[str]:
    """Lines and sentences, and apart from them what changes by nature, which is added to ``whole``."""
    at = 0
    for span in volatile.find(text):
        yield from _LINES.findall(text, at, span.start)
        yield text[span.start : span.end]
        whole.add(text[span.start : span.end])
        at = span.end
    yield from _LINES.findall(text, at)


def _words(atoms: Iterable[Atom], whole: set[str]) -> list[Atom]:
    words: list[Atom] = []
    for atom in atoms:
        if atom is None or atom in whole:
            words.append(atom)
        else:
            words += _WORDS.findall(atom)
    return words


def _stretches(ours: list[Atom], theirs: list[Atom]) -> Iterator[tuple[list[Atom], list[Atom], bool]]:
    """Both sides from the beginning to the end, by turns what differs and what is the same."""
    i = j = 0
    runs = sorted(run for run in _runs(ours, theirs) if run[-1])
    for start, other, length in [*runs, (len(ours), len(theirs), 0)]:
        if start > i or other > j:
            yield ours[i:start], theirs[j:other], False
        i, j = start + length, other + length
        if length:
            yield ours[start:i], theirs[other:j], True


def _runs(ours: list[Atom], theirs: list[Atom]) -> Iterator[_Run]:
    """Where they are the same, in no order; some runs may be empty."""
    rounds = _ROUNDS if max(len(ours), len(theirs)) <= _ATOMS else 0
    stretches = [(0, len(ours), 0, len(theirs), rounds)]
    while stretches:
        i, i_end, j, j_end, rounds = stretches.pop()
        head = _equal(zip(ours[i:i_end], theirs[j:j_end], strict=False))
        tail = _equal(zip(reversed(ours[i + head : i_end]), reversed(theirs[j + head : j_end]), strict=False))
        yield i, j, head
        yield i_end - tail, j_end - tail, tail
        i, j, i_end, j_end = i + head, j + head, i_end - tail, j_end - tail
        anchors = _anchors(ours[i:i_end], theirs[j:j_end]) if rounds else []
        for (a, b), (a_end, b_end) in pairwise([(0, 0), *anchors, (i_end - i, j_end - j)] if anchors else []):
            stretches.append((i + a, i + a_end, j + b, j + b_end, rounds - 1))


def _equal(pairs: Iterable[tuple[Atom, Atom]]) -> int:
    """How many pairs there are before the first one that differs, or that is a slot."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1] is not None, pairs))


def _anchors(ours: list[Atom], theirs: list[Atom]) -> list[tuple[int, int]]:
    """Places of atoms that stand once on each side: the longest row of them that ascends on both."""
    here, there = _once(ours), _once(theirs)
    return _ascending([(place, there[atom]) for atom, place in here.items() if atom in there])


def _once(atoms: list[Atom]) -> dict[str, int]:
    """Of the atoms that stand there once, where; in their order."""
    count = Counter(atoms)
    return {atom: place for place, atom in enumerate(atoms) if atom is not None and count[atom] == 1}


def _ascending(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest row of pairs whose second number ascends; the first one does already."""
    lowest: list[int] = []  # the lowest number that a row of this length may end with
    ends: list[int] = []  # the pair with that number
    before: list[int] = []  # for each pair the one before it in its row; -1: none
    for number, (_, value) in enumerate(pairs):
        length = bisect_left(lowest, value)
        before.append(ends[length - 1] if length else -1)
        lowest[length : length + 1] = [value]
        ends[length : length + 1] = [number]
    row = []
    at = ends[-1] if ends else -1
    while at >= 0:
        row.append(pairs[at])
        at = before[at]
    return row[::-1]
