"""Texts of which that one is found which another text begins with."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from typing import Final, Generic, TypeVar

KEPT: Final = 256
"""Texts, at least; conversations that go on at one time."""

ROOM: Final = 32 * 1024 * 1024
"""Bytes of all of them, at most; of one alone there may be more."""

_TRIED: Final = 4
"""Texts that are tried: that which comes before another one in order is what that begins with, but for branches."""

T = TypeVar("T")


class Begun(Generic[T]):
    """What was put in last is kept, with a value for each."""

    def __init__(self, kept: int = KEPT, room: int = ROOM) -> None:
        self._kept = kept
        self._room = room
        self._texts: list[bytes] = []  # in order; none twice
        self._values: list[T] = []  # theirs
        self._ages: list[int] = []  # theirs; the youngest has most
        self._next: list[int] = []  # the place of the one that was found after each; it may be wrong by now
        self._size = self._age = 0
        self._last = 0  # the place of the text that was found or put in last

    def find(self, text: bytes, begin: int, ends: Collection[bytes]) -> tuple[int, T] | None:
        """Of one that stands at this place of a text, with one of ``ends`` behind it: its length, and its value. It is
        the one that was used last; or the one that came after it before, as where conversations take turns; or else the
        longest, unless there are many branches."""
        if not self._texts:
            return None
        last = self._last
        guess = self._next[last]
        if self._stands(last, text, begin, ends):
            guess = last
        elif guess == last or guess >= len(self._texts) or not self._stands(guess, text, begin, ends):
            at = bisect_right(self._texts, text[begin:])
            tried = range(at - 1, max(at - 1 - _TRIED, -1), -1)
            guess = next((n for n in tried if self._stands(n, text, begin, ends)), -1)
            if guess < 0:
                return None
            self._next[last] = guess
        self._last = guess
        return len(self._texts[guess]), self._values[guess]

    def put(self, text: bytes, value: T, *, grown: bool = False) -> None:
        """In the place of what the same text had. ``grown``: it begins with the text that was found last, and stands in
        the place of that: who goes on from there is likely to go on from here."""
        texts, at = self._texts, self._last
        self._age += 1
        if grown and (at + 1 == len(texts) or text < texts[at + 1]):
            self._size += len(text) - len(texts[at])
            texts[at], self._values[at], self._ages[at] = text, value, self._age
        else:
            self._insert(text, value)
        if len(texts) > 2 * self._kept or self._size > self._room:
            self._drop()

    def _insert(self, text: bytes, value: T) -> None:
        texts, at, before = self._texts, bisect_left(self._texts, text), self._last
        self._last = at
        if at < len(texts) and texts[at] == text:
            self._values[at], self._ages[at] = value, self._age
            return
        texts.insert(at, text)
        self._values.insert(at, value)
        self._ages.insert(at, self._age)
        if self._next and at <= before:
            before += 1  # it has made room
        self._next.insert(at, at)
        self._next[before] = at
        self._size += len(text)

    def _drop(self) -> None:
        """The oldest ones, so that many can be put in until some must be dropped again."""
        kept, size = list[int](), 0
        for n in sorted(range(len(self._ages)), key=self._ages.__getitem__, reverse=True)[: self._kept]:
            size += len(self._texts[n])
            if kept and size > self._room // 2:
                break
            kept.append(n)
        kept.sort()
        self._texts = [self._texts[n] for n in kept]
        self._values = [self._values[n] for n in kept]
        self._ages = [self._ages[n] for n in kept]
        self._size = sum(map(len, self._texts))
        self._next = list(range(len(kept)))
        self._last = self._ages.index(self._age)

    def _stands(self, n: int, text: bytes, begin: int, ends: Collection[bytes]) -> bool:
        known = self._texts[n]
        end = begin + len(known)
        return text[end : end + 1] in ends and text.startswith(known, begin)
