"""A provider's prompt cache of one model and tenant, as its rules describe it; simulated call by call.

It never lets go of anything but what has expired. What differs between what it would have had and what was really read
is up to the provider: other replicas, and what it let go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from everwarm.core.analysis.prompts import Prompts
from everwarm.core.common_prefix import common_prefix
from everwarm.core.layout.piece import Tier
from everwarm.core.rules import Rule

TIERS: tuple[Tier, ...] = ("tools", "system", "messages")


@dataclass(slots=True)
class Asked:
    """A prompt on its way into the cache."""

    path: Sequence[int]  # its prefixes, the shortest first
    ends: Sequence[int]  # characters up to the end of each
    tokens: Callable[[int], int]  # that end at a character
    at: float
    ready: float  # when its answer began, and what it wrote can be read
    marks: Sequence[tuple[int, str]] | None = None  # places among its blocks, and lifetimes. None: not known
    salts: tuple[int, int, int] = (0, 0, 0)  # what besides the text must be the same to read tools, system, messages
    heads: tuple[int, int] = (0, 0)  # how many of the blocks are tools, and how many tools or system
    number: int = 0  # of the call
    lifetime: str = ""  # of entries whose marks are not known

    def salt(self, n: int) -> int:
        """Of the block with this number."""
        return self.salts[0 if n < self.heads[0] else 1 if n < self.heads[1] else 2]


class Found(NamedTuple):
    """How far a prompt is known, in characters; each is at most the one before."""

    any: int  # by what was sent before
    own: int  # with the same settings
    alive: int  # whose lifetime is not over
    ready: int  # whose first answer had begun
    rules: int  # that the provider's rules give, in TOKENS
    blocks: int  # of the whole prompt, those that were sent before
    pair: int  # the last call that has all of ``any``; -1: none
    beyond: bool = False  # an entry is there, but farther back than a look-up goes
    written: int = 0  # tokens
    written_long: int = 0


@dataclass(slots=True)
class _Entry:
    until: float
    ready: float
    number: int
    life: float


class Cache:
    """``rule`` None: of a provider that nothing is known of; it keeps all, to the token. ``keep``: seconds for which a
    prefix is kept alive by asking for it again before it expires."""

    def __init__(self, prompts: Prompts, rule: Rule | None, keep: float = 0.0) -> None:
        self._prompts = prompts
        self._rule = rule
        self._keep = keep
        self._entries: dict[int, _Entry] = {}  # prefix and salt -> when it was used
        self._seen: dict[int, int] = {}  # prefix -> the last call that had it
        self._children: dict[int, list[int]] = {}  # prefix -> blocks that followed it, by their texts
        self._latest: dict[int, int] = {}  # prefix -> the block that followed it last
        self._marked: dict[int, _Entry] = {}  # prefix and salt -> an entry of a cache with marks
        self.pings = 0  # tokens that were read to keep prefixes alive

    def ask(self, asked: Asked) -> Found:
        """How far it is known; and it is known from now on."""
        found = self._look(asked)
        written, long = self._write(asked, found)
        self._remember(asked)
        return found._replace(written=written, written_long=long)

    def _look(self, asked: Asked) -> Found:
        path, ends = asked.path, asked.ends
        seen, own, alive, ready = self._depths(asked)
        marks = [ends[n - 1] if n else 0 for n in (seen, own, alive, ready)]
        whole, child = marks[0], 0
        for common, other in self._partly(asked, seen):
            if whole + common > marks[0]:
                child = other
            for n, holds in enumerate(self._states(asked, seen, other)):
                if holds and marks[n] >= whole:
                    marks[n] = max(marks[n], whole + common)
        pair = self._seen[path[seen - 1]] if seen else self._seen.get(child, -1)
        rules, beyond = self._by_rule(asked, ready, marks[3])
        return Found(marks[0], marks[1], marks[2], marks[3], rules, seen, pair, beyond)

    def _depths(self, asked: Asked) -> tuple[int, int, int, int]:
        """Of blocks that were seen; with these settings; that live; that are ready."""
        path, entries, at = asked.path, self._entries, asked.at
        seen = bisect_left(range(len(path)), True, key=lambda n: path[n] not in self._seen)
        keys = [path[n] << 20 | asked.salt(n) for n in range(seen)]
        own = bisect_left(range(seen), True, key=lambda n: keys[n] not in entries)
        alive = bisect_left(range(own), True, key=lambda n: at >= entries[keys[n]].until)
        ready = bisect_left(range(alive), True, key=lambda n: entries[keys[n]].ready > at)
        return seen, own, alive, ready

    def _partly(self, asked: Asked, seen: int) -> list[tuple[int, int]]:
        """Others that begin as the next block does: with how many characters, and the prefixes that end with them.

        The one that has most in common is a neighbour in the order of texts; the last one is the least likely to have
        expired."""
        if seen >= len(asked.path):
            return []
        parent = asked.path[seen - 1] if seen else 0
        blocks, prefixes = self._prompts.blocks, self._prompts.prefixes
        block = blocks[prefixes.block[asked.path[seen]]]
        row = self._children.get(parent, [])
        at = bisect_left(row, block.text, key=lambda number: blocks[number].text)
        near = [*row[max(at - 1, 0) : at + 1], *(row and [self._latest[parent]])]
        alike = [n for n in near if blocks[n].role == block.role]
        common = (min(common_prefix(blocks[n].text, block.text), block.size) for n in alike)
        return [(size, prefixes.after(parent, n)) for n, size in zip(alike, common, strict=True) if size]

    def _states(self, asked: Asked, seen: int, prefix: int) -> tuple[bool, bool, bool, bool]:
        """Whether it is known; with these settings; alive; ready."""
        entry = self._entries.get(prefix << 20 | asked.salt(seen))
        if entry is None:
            return True, False, False, False
        alive = asked.at < entry.until
        return True, True, alive, alive and entry.ready <= asked.at

    def _by_rule(self, asked: Asked, ready: int, end: int) -> tuple[int, bool]:
        rule = self._rule
        if rule is None:
            return asked.tokens(end), False
        if rule.mark and not (rule.automatic and asked.marks is None):
            return self._by_marks(asked, rule, ready)
        tokens = asked.tokens(end) // rule.step * rule.step
        return (tokens if tokens >= rule.minimum else 0), False

    def _by_marks(self, asked: Asked, rule: Rule, ready: int) -> tuple[int, bool]:
        """The longest entry that a mark's look-up finds. Marks that are not known are where they should be."""
        starts = [place + 1 for place, _ in asked.marks] if asked.marks is not None else [len(asked.path)]
        back = rule.lookback if asked.marks is not None and rule.lookback else len(asked.path)
        alive = [n for n in range(min(ready, len(asked.path)), 0, -1) if self._is_entry(asked, n)]
        for n in alive:
            if any(n <= start and start - n < back for start in starts):
                return asked.tokens(asked.ends[n - 1]), n != alive[0]
        return 0, bool(alive) and bool(starts)

    def _is_entry(self, asked: Asked, n: int) -> bool:
        entry = self._marked.get(asked.path[n - 1] << 20 | asked.salt(n - 1))
        return entry is not None and asked.at < entry.until and entry.ready <= asked.at

    def _write(self, asked: Asked, found: Found) -> tuple[int, int]:
        """What is written for this prompt, in tokens; and the part of it for a longer lifetime."""
        rule = self._rule
        if rule is None or not asked.path:
            return 0, 0
        total = asked.tokens(asked.ends[-1])
        if not rule.mark or (rule.automatic and asked.marks is None):
            return (total - found.rules if total >= rule.minimum else 0), 0
        paid, long = found.rules, 0
        for n, name in self._places(asked, rule):
            ttl = rule.ttl(name)
            tokens = asked.tokens(asked.ends[n])
            if ttl is None or tokens < rule.minimum:
                continue
            self._mark(asked, n, float(ttl.seconds))
            long += max(tokens - paid, 0) if ttl != rule.ttls[0] else 0
            paid = max(paid, tokens)
        return paid - found.rules, long

    def _places(self, asked: Asked, rule: Rule) -> list[tuple[int, str]]:
        if asked.marks is not None:
            return sorted((place, ttl) for place, ttl in asked.marks if place < len(asked.path))
        name = asked.lifetime or rule.ttls[0].name
        ends = {asked.heads[1] - 1, len(asked.path) - 1}
        return sorted((place, name) for place in ends if place >= 0)

    def _mark(self, asked: Asked, n: int, life: float) -> None:
        key = asked.path[n] << 20 | asked.salt(n)
        entry = self._marked.get(key)
        if entry is None or asked.at >= entry.until:
            self._marked[key] = _Entry(asked.at + max(life, self._keep), asked.ready, asked.number, life)
        elif self._refreshes:
            entry.until = max(entry.until, asked.at + max(entry.life, self._keep))

    @property
    def _refreshes(self) -> bool:
        return self._rule is None or self._rule.refreshes

    def _lives(self, asked: Asked) -> Sequence[float]:
        """For how long each of its blocks lives, in seconds: as long as the longest mark at or behind it."""
        rule = self._rule
        if rule is None or not rule.ttls:
            return [inf] * len(asked.path)
        first = rule.ttl(asked.lifetime) or rule.ttls[0]
        lives = [float(first.seconds)] * len(asked.path)
        for place, name in asked.marks or ():
            ttl = rule.ttl(name)
            if ttl is not None and ttl.seconds > first.seconds:
                lives[: place + 1] = [float(ttl.seconds)] * min(place + 1, len(lives))
        return lives

    def _remember(self, asked: Asked) -> None:
        parent, seen, entries, blocks = 0, self._seen, self._entries, self._prompts.prefixes.block
        refreshes, lives = self._refreshes, self._lives(asked)
        for n, prefix in enumerate(asked.path):
            if prefix not in seen:
                self._follow(parent, prefix)
            seen[prefix] = asked.number
            self._latest[parent] = blocks[prefix]
            key = prefix << 20 | asked.salt(n)
            until = asked.at + max(lives[n], self._keep)
            entry = entries.get(key)
            if entry is None or asked.at >= entry.until:
                entries[key] = _Entry(until, asked.ready, asked.number, lives[n])
            else:
                entry.number = asked.number
                if refreshes and until > entry.until:
                    entry.until = until
            parent = prefix

    def _follow(self, parent: int, prefix: int) -> None:
        blocks = self._prompts.blocks
        row = self._children.setdefault(parent, [])
        number = self._prompts.prefixes.block[prefix]
        row.insert(bisect_left(row, blocks[number].text, key=lambda n: blocks[n].text), number)


def salts(settings: Mapping[str, str], rule: Rule | None, known: dict[object, int]) -> tuple[int, int, int]:
    """What of a call's settings each tier depends on, by the rule's ``invalidates``; as small numbers."""
    lost = rule.invalidates if rule is not None else {}
    numbers = []
    for tier in TIERS:
        mine = tuple(sorted((name, value) for name, value in settings.items() if tier in lost.get(name, ())))
        numbers.append(known.setdefault(mine, len(known) + 1) if mine else 0)
    return numbers[0], numbers[1], numbers[2]
