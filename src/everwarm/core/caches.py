"""Simulated prompt caches: what one would have reused of a row of requests.

They grow with what they are asked and forget nothing but what has expired: they are for benches and for past logs.
Requests are asked one after another; that an entry can be read only once its first answer has begun is not modelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from everwarm.core.common_prefix import common_prefix
from everwarm.core.rules import Rule, Ttl


class Reading(NamedTuple):
    """What a cache had of one request, and what it wrote. In tokens, or in whatever the sizes are given in."""

    read: int
    written: int
    total: int
    written_long: int = 0  # the part of ``written`` that is for a longer lifetime than the rule's first


class IdealCache:
    """Without limit and to the character: the longest beginning that any earlier request had as well."""

    def __init__(self) -> None:
        self._root = _Node("")

    def ask(self, text: str) -> Reading:
        """Sizes are characters."""
        node, at = self._root, 0
        while at < len(text):
            child = node.children.get(text[at])
            if child is None:
                node.children[text[at]] = _Node(text[at:])
                break
            alike = common_prefix(child.text, text, at)
            if alike < len(child.text):
                child.split(alike)
            node, at = child, at + alike
        return Reading(at, len(text) - at, len(text))


class _Node:
    """A stretch of text that some requests have in common, and how they go on, by the first character."""

    __slots__ = ("children", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.children: dict[str, _Node] = {}

    def split(self, at: int) -> None:
        rest = _Node(self.text[at:])
        rest.children = self.children
        self.text, self.children = self.text[:at], {rest.text[0]: rest}


class _Prefixes:
    """A number for each row of elements that was seen as the beginning of a request."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes | str], int] = {}

    def after(self, prefix: int, element: bytes | str) -> int:
        """The number of ``prefix`` and then ``element``; that of the empty row is 0."""
        return self._known.setdefault((prefix, element), len(self._known) + 1)


class OpenAICache:
    """Automatic, in steps of so many tokens: a step lives for the rule's first lifetime since its last use."""

    def __init__(self, rule: Rule, ratio: float = 4.0) -> None:
        """``ratio``: characters of a token. A rule without lifetimes never forgets."""
        self._rule = rule
        self._ratio = ratio
        self._prefixes = _Prefixes()
        self._until: dict[int, float] = {}

    def ask(self, text: str, now: float) -> Reading:
        """Sizes are tokens; ``now``: seconds of a clock that never goes back."""
        total = int(len(text) / self._ratio)
        steps = self._steps(text, total)
        alive = next((n for n, step in enumerate(steps) if not now < self._until.get(step, now)), len(steps))
        for number, step in enumerate(steps):
            if number >= alive or self._rule.refreshes:
                self._until[step] = now + self._rule.ttls[0].seconds if self._rule.ttls else float("inf")
        read = alive * self._rule.step
        if read < self._rule.minimum:
            read = 0
        return Reading(read, len(steps) * self._rule.step - read, total)

    def _steps(self, text: str, total: int) -> list[int]:
        """The numbers of the prefixes that end with a whole step; none if the text is under the minimum."""
        if total < self._rule.minimum:
            return []
        ends = [int(n * self._rule.step * self._ratio) for n in range(total // self._rule.step + 1)]
        steps, before = [], 0
        for begin, end in pairwise(ends):
            before = self._prefixes.after(before, text[begin:end])
            steps.append(before)
        return steps


class AnthropicCache:
    """Entries end at marked blocks only; from each mark on a look-up goes back a few blocks."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._prefixes = _Prefixes()
        self._entries: dict[int, tuple[Ttl, float]] = {}  # prefix -> its lifetime, and when it ends

    def ask(self, elements: Sequence[tuple[bytes, int]], now: float, marks: Sequence[tuple[int, str]]) -> Reading:
        """``elements``: content and size of each block in rendered order. ``marks``: place of a block, and a lifetime
        of the rule by name; of marks at one block the last counts. Tools, system and messages are one row: a change
        in one costs all that comes after it."""
        prefixes, sizes = [0], [0]
        for element, size in elements:
            prefixes.append(self._prefixes.after(prefixes[-1], element))
            sizes.append(sizes[-1] + size)
        chosen = sorted((place + 1, ttl) for place, ttl in dict(marks).items())
        found = max((self._look(prefixes, sizes, end, now) for end, _ in chosen), default=0)
        self._refresh({prefixes[end] for end, _ in chosen} | {prefixes[found]}, now)
        return self._write(prefixes, sizes, chosen, found, now)

    def _look(self, prefixes: list[int], sizes: list[int], end: int, now: float) -> int:
        """Blocks of the longest entry that a mark after ``end`` blocks finds."""
        first = max(end - self._rule.lookback, 0) if self._rule.lookback else 0
        return next((n for n in range(end, first, -1) if self._alive(prefixes[n], now)), 0)

    def _alive(self, prefix: int, now: float) -> bool:
        return prefix in self._entries and now < self._entries[prefix][1]

    def _refresh(self, used: set[int], now: float) -> None:
        """An entry begins its own lifetime anew, whatever the mark that used it asks for."""
        for prefix in used if self._rule.refreshes else ():
            if self._alive(prefix, now):
                ttl = self._entries[prefix][0]
                self._entries[prefix] = ttl, now + ttl.seconds

    def _write(
        self, prefixes: list[int], sizes: list[int], marks: list[tuple[int, str]], found: int, now: float
    ) -> Reading:
        """New entries where there are none. What lies before the one that was read costs nothing."""
        read = paid = sizes[found]
        long = 0
        for end, name in marks:
            ttl = self._rule.ttl(name)
            if ttl is None or sizes[end] < self._rule.minimum or self._alive(prefixes[end], now):
                continue
            self._entries[prefixes[end]] = ttl, now + ttl.seconds
            long += max(sizes[end] - paid, 0) if ttl != self._rule.ttls[0] else 0
            paid = max(paid, sizes[end])
        return Reading(read, paid - read, sizes[-1], long)
