"""Where the end of one text stood before, in the same text or in another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

LONGEST: Final = 16
"""Tokens: a longer agreement counts as one of this length. More tells no two places apart that matter."""

PLACES: Final = 64
"""How many places are compared, the most recent ones. In a text that repeats itself there may be thousands."""


class Lookup:
    """Tokens that grow at the end, and where each run of ``least`` of them was followed by something.

    ``add`` costs the same however long the text is; memory is linear in it, about 200 bytes a token.
    """

    def __init__(self, least: int, tokens: Sequence[int] = ()) -> None:
        if least < 1:
            raise ValueError(f"a run of {least} tokens cannot be looked up")
        self.tokens: list[int] = []
        self._least = least
        self._latest: dict[tuple[int, ...], int] = {}  # a run -> where its latest follower stands
        self._before: list[int] = []  # a place -> the place before it that follows the same run; -1: none
        for token in tokens:
            self.add(token)

    def add(self, token: int) -> None:
        """One more token at the end."""
        here = len(self.tokens)
        before = -1
        if here >= self._least:
            run = tuple(self.tokens[-self._least :])
            before = self._latest.get(run, -1)
            self._latest[run] = here
        self._before.append(before)
        self.tokens.append(token)

    def places(self, end: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Where what followed the last tokens of ``end`` stands, and how many tokens before it agree with ``end``.

        The most recent place first, at most ``PLACES``. Each agreement is ``least`` to ``LONGEST`` tokens.
        """
        place = self._latest.get(tuple(end[-self._least :]), -1)
        for _ in range(PLACES):
            if place < 0:
                return
            yield place, self._agreement(place, end)
            place = self._before[place]

    def copy(self, place: int, count: int) -> list[int]:
        """``count`` tokens from ``place`` on. A copy that meets the end of the text goes on with its own beginning.

        As in LZ77: so a text that has begun to repeat itself is taken to go on.
        """
        copied = self.tokens[place : place + count]
        while len(copied) < count:
            copied += copied[: count - len(copied)]
        return copied

    def _agreement(self, place: int, end: Sequence[int]) -> int:
        """Tokens before ``place`` that are those at the end of ``end``, up to ``LONGEST``."""
        tokens, last = self.tokens, len(end)
        bound = min(LONGEST, place, last)
        size = self._least
        while size < bound and tokens[place - size - 1] == end[last - size - 1]:
            size += 1
        return size
