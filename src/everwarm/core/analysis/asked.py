"""A prompt on its way into a provider's cache, and how far it was known there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from everwarm.core.analysis.scale import Places
from everwarm.core.layout.piece import Tier
from everwarm.core.rules import Rule

TIERS: Final[tuple[Tier, ...]] = ("tools", "system", "messages")

NONE: Final = (0, 0, 0)
"""The salts of a call whose settings play no part."""


@dataclass(slots=True)
class Asked:
    """A prompt on its way into the cache."""

    path: Sequence[int]  # its prefixes, the shortest first
    sizes: Sequence[int]  # characters of every prefix, by its number
    places: Places  # its characters in tokens
    at: float
    ready: float  # when its answer began, and what it wrote can be read
    number: int  # of the call
    marks: Sequence[tuple[int, str]] | None = None  # places among its blocks, and lifetimes. None: not known
    salts: tuple[int, int, int] = NONE  # what besides the text must be the same to read tools, system, messages
    heads: tuple[int, int] = (0, 0)  # how many of the blocks are tools, and how many tools or system
    lifetime: str = ""  # of entries whose marks are not known; "": the rule's first

    def end(self, blocks: int) -> int:
        """Characters of so many blocks, the first ones."""
        return self.sizes[self.path[blocks - 1]] if blocks else 0

    def keys(self, begin: int = 0) -> list[int]:
        """Of its prefixes with what they depend on besides, from one on."""
        path, found = self.path, list[int]()
        for salt, end in zip(self.salts, (*self.heads, len(path)), strict=True):
            high = salt << 32
            found += [prefix | high for prefix in path[begin:end]]
            begin = max(begin, end)
        return found


@dataclass(slots=True)
class Found:
    """How far a prompt is known, in characters; each is at most the one before."""

    any: int  # by what was sent before
    own: int  # with the same settings
    alive: int  # whose lifetime is not over
    ready: int  # whose first answer had begun
    rules: int  # that the provider's rules give, in TOKENS
    blocks: int  # of the whole prompt, those that were sent before
    pair: int  # the last call that has all of ``any``; -1: none
    beyond: int = 0  # characters of the longest entry that is there, but farther back than a look-up goes
    written: int = 0  # tokens
    written_long: int = 0


def salts(settings: Mapping[str, str], rule: Rule | None, known: dict[object, int]) -> tuple[int, int, int]:
    """What of a call's settings each tier depends on, by the rule's ``invalidates``; as small numbers. What a tier
    depends on, those behind it do as well."""
    if not settings or rule is None or rule.invalidates.keys().isdisjoint(settings):
        return NONE
    lost = rule.invalidates
    numbers = []
    for n in range(len(TIERS)):
        tiers = set(TIERS[: n + 1])
        mine = tuple(
            sorted((name, value) for name, value in settings.items() if tiers.intersection(lost.get(name, ())))
        )
        numbers.append(known.setdefault(mine, len(known) + 1) if mine else 0)
    return numbers[0], numbers[1], numbers[2]
