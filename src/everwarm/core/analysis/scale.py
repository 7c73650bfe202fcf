"""From characters to tokens: every place of a prompt, by what providers reported of it and of others.

The end of a prompt whose tokens were reported is an *anchor*: in a longer prompt it is at just as many tokens. Between
two anchors tokens are spread evenly over the characters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

CHARACTERS: Final = 4.0
"""Of a token, where nobody reported any."""

_SANE: Final = (1.0, 12.0)
"""Characters of a token beyond which a sum is not believed: prompts of which a log has only parts."""


class Scale:
    """Of one model. Sizes are characters, of prompts as they are known."""

    def __init__(self, anchors: Mapping[int, int] | None = None) -> None:
        """``anchors``: prefixes whose tokens are known from elsewhere."""
        self._anchors: dict[int, int] = dict(anchors or {})  # prefix -> tokens
        self._size = 0
        self._tokens = 0

    def note(self, prefix: int, size: int, tokens: int) -> None:
        """A prompt that ends with ``prefix`` has so many tokens, as was reported."""
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
        known = self._anchors
        at, told = [0], [0]
        size = sizes[path[-1]] if path else 0
        for prefix in filter(known.__contains__, path) if known else ():
            end, tokens = sizes[prefix], known[prefix]
            if told[-1] <= tokens <= total and at[-1] < end < size:
                at.append(end)
                told.append(tokens)
        at.append(size or 1)
        told.append(total)
        return Places(at, told)


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
        return any(0 <= known - tokens <= within for known in self._known[1:-1])

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
