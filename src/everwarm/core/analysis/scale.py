"""From characters to tokens: every place of a prompt, by what providers reported of it and of others.

The end of a prompt whose tokens were reported is an *anchor*: in a longer prompt it is at just as many tokens. Between
two anchors tokens are spread evenly over the characters.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from everwarm.core.analysis.latest import Latest

CHARACTERS: Final = 4.0
"""Of a token, where nobody reported any."""

_SANE: Final = (1.0, 12.0)
"""Characters of a token beyond which a sum is not believed: prompts of which a log has only parts."""

_Row = tuple[list[int], list[int]]
"""Anchors, the first one first: characters, and tokens."""

_START: Final[_Row] = ([0], [0])

_TRIED: Final = 8
"""Blocks at the end of a prompt, of which one was the end of the one that it goes on from, mostly."""


class Scale:
    """Of one model. Sizes are characters, of prompts as they are known."""

    def __init__(self, anchors: Mapping[int, int] | None = None) -> None:
        """``anchors``: prefixes whose tokens are known from elsewhere."""
        self._anchors: dict[int, int] = dict(anchors or {})  # prefix -> tokens
        self._begun: Latest[int, _Row] = (
            Latest()
        )  # the end of a prompt -> the anchors before it; of those that came last
        self._size = 0
        self._tokens = 0

    def note(self, prefix: int, size: int, tokens: int, *, known: bool = True) -> None:
        """A prompt that ends with ``prefix`` has so many tokens, as was reported. ``known``: whether an earlier one may
        have begun so."""
        if known:
            self._begun.clear()
        self._anchors[prefix] = tokens
        self._size += size
        self._tokens += tokens

    @property
    def characters(self) -> float:
        """Of a token, on average."""
        ratio = self._size / self._tokens if self._tokens else CHARACTERS
        return ratio if _SANE[0] <= ratio <= _SANE[1] else CHARACTERS

    def tokens(self, size: int) -> int:
        """Of a prompt of which nothing was reported."""
        return round(size / self.characters)

    def places(self, path: Sequence[int], sizes: Sequence[int], total: int) -> Places:
        """``path``: the prefixes of a prompt, the shortest first. ``sizes``: characters of every prefix, by its number.
        ``total``: all its tokens."""
        size = sizes[path[-1]] if path else 0
        at, told = self._before(path, sizes, total) if self._anchors and path else _START
        return Places([*at, size or 1], [*told, total])

    def _before(self, path: Sequence[int], sizes: Sequence[int], total: int) -> _Row:
        """The anchors before the end of a prompt: those of the one that it goes on from, and what came behind that."""
        known, last = self._anchors, len(path) - 1
        size = sizes[path[last]]
        at, told, begin = *_START, 0
        for n in range(last, max(last - _TRIED, -1), -1):
            if path[n] in self._begun:
                row = self._begun[path[n]]
                if row[0][-1] < size and row[1][-1] <= total:
                    at, told, begin = *row, n
                break
        whole = True
        for prefix in filter(known.__contains__, path[begin:last]):
            end, tokens = sizes[prefix], known[prefix]
            if tokens > total or end >= size:
                whole = False  # in a longer prompt it may count
            elif told[-1] <= tokens and at[-1] < end:
                at, told = [*at, end], [*told, tokens]
        if whole:
            self._begun.keep(path[last], (at, told))
        return at, told


class Places:
    """Where in the tokens of one prompt each of its characters is. Never goes back; integers."""

    __slots__ = ("_asked", "_at", "_known", "_told", "total")

    def __init__(self, at: list[int], known: list[int]) -> None:
        """``at``: characters, from 0 to all there are, each more than the one before; ``known``: tokens up to each."""
        self._at, self._known = at, known
        self.total = known[-1]
        self._asked = self._told = 0  # the same place is asked for several times in a row

    def ends_at(self, tokens: int, within: int) -> bool:
        """Whether a prompt that was there before ended with so many tokens, or at most ``within`` more."""
        known, end = self._known, len(self._known) - 1
        n = bisect_left(known, tokens, 1, end)
        return n < end and known[n] - tokens <= within

    def upto(self, character: int) -> int:
        """Tokens that end before or at this character."""
        if character == self._asked:
            return self._told
        at, known = self._at, self._known
        if character >= at[-1]:
            return self.total
        n = bisect_right(at, character)
        low, before = at[n - 1], known[n - 1]
        self._asked = character
        self._told = told = before + (character - low) * (known[n] - before) // (at[n] - low)
        return told


def fit(points: Sequence[tuple[int, int]]) -> tuple[float, int]:
    """Of prompts of which a log hides the beginning: characters of a token, and how many tokens are hidden.

    ``points``: characters that are seen, and tokens of the whole, of each prompt. The slope is that of a straight line
    (least squares); what is hidden is what it leaves of the shortest prompt, of which the least is anything else.
    """
    if not points:
        return CHARACTERS, 0
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
    if not 1 / _SANE[1] <= slope <= 1 / _SANE[0]:
        slope = 1 / CHARACTERS
    seen, tokens = min(points)
    return 1 / slope, max(round(tokens - slope * seen), 0)
