"""A provider's prompt cache of one model and tenant, as its rules describe it; simulated call by call.

It never lets go of anything but what has expired. What differs between what it would have had and what was really read
is up to the provider: other replicas, and what it let go.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from everwarm.core.analysis.prompts import Prompts
from everwarm.core.common_prefix import common_prefix
from everwarm.core.layout.piece import Tier
from everwarm.core.rules import Rule

TIERS: Final[tuple[Tier, ...]] = ("tools", "system", "messages")


@dataclass(slots=True)
class Asked:
    """A prompt on its way into the cache."""

    path: Sequence[int]  # its prefixes, the shortest first
    ends: Sequence[int]  # characters up to the end of each
    tokens: Callable[[int], int]  # that end at a character
    at: float
    ready: float  # when its answer began, and what it wrote can be read
    number: int  # of the call
    marks: Sequence[tuple[int, str]] | None = None  # places among its blocks, and lifetimes. None: not known
    salts: tuple[int, int, int] = (0, 0, 0)  # what besides the text must be the same to read tools, system, messages
    heads: tuple[int, int] = (0, 0)  # how many of the blocks are tools, and how many tools or system
    lifetime: str = ""  # of entries whose marks are not known; "": the rule's first

    def keys(self) -> Sequence[int]:
        """Of its prefixes with what they depend on besides."""
        if not any(self.salts):
            return self.path
        tools, system = self.heads
        counts = tools, system - tools, len(self.path) - system
        salts = [salt for salt, count in zip(self.salts, counts, strict=True) for _ in range(count)]
        return [prefix | salt << 32 for prefix, salt in zip(self.path, salts, strict=True)]


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


class _Use(NamedTuple):
    """A call that prefixes were used by."""

    number: int
    at: float
    ready: float
    end: int  # the prefix that is the whole prompt; 0: it was empty
    life: float  # seconds that what it used lives from then on
    long: tuple[int, float]  # so many of its blocks live longer


@dataclass(slots=True)
class _Entry:
    """Of a cache with marks: it ends at a block."""

    until: float
    ready: float
    life: float


class Cache:
    """``rule`` None: of a provider that nothing is known of; it keeps all, to the token. ``keep``: seconds for which a
    prefix is kept alive by asking for it again before it expires."""

    def __init__(self, prompts: Prompts, rule: Rule | None, keep: float = 0.0) -> None:
        self._prompts = prompts
        self._rule = rule
        self._keep = keep
        self._uses: list[_Use] = []
        self._last: dict[int, int] = {}  # key -> the last use
        self._seen = self._last  # prefix -> the last use; the same, as long as settings play no part
        self._born: dict[int, int] = {}  # key -> the first use since it was not there, or had expired
        self._children: dict[int, list[int]] = {}  # prefix -> blocks that followed it, in the order of their texts
        self._marked: dict[int, _Entry] = {}  # key -> the entry that ends there

    def ask(self, asked: Asked) -> Found:
        """How far it is known; and it is known from now on."""
        keys = asked.keys()
        found, alive = self._look(asked, keys)
        written, long = self._write(asked, keys, found)
        self._remember(asked, keys, found.blocks, alive)
        return found._replace(written=written, written_long=long)

    def _look(self, asked: Asked, keys: Sequence[int]) -> tuple[Found, int]:
        """And how many of its blocks are alive."""
        depths = self._depths(asked, keys)
        seen = depths[0]
        marks = [asked.ends[n - 1] if n else 0 for n in depths]
        whole, child = marks[0], 0
        for common, other in self._partly(asked, seen):
            if whole + common > marks[0]:
                child = other
            for n, holds in enumerate(self._states(asked, seen, other)):
                if holds and marks[n] >= whole:
                    marks[n] = max(marks[n], whole + common)
        last = asked.path[seen - 1] if seen else child
        pair = self._uses[self._seen[last]].number if last in self._seen else -1
        rules, beyond = self._by_rule(asked, keys, depths[3], marks[3])
        return Found(marks[0], marks[1], marks[2], marks[3], rules, seen, pair, beyond), depths[2]

    def _depths(self, asked: Asked, keys: Sequence[int]) -> tuple[int, int, int, int]:
        """Of blocks that were seen; with these settings; that live; that are ready. Who has a prefix has all that it
        begins with, so each is found by halving."""
        seen = bisect_left(range(len(keys)), True, key=lambda n: asked.path[n] not in self._seen)
        own = seen if keys is asked.path else bisect_left(range(seen), True, key=lambda n: keys[n] not in self._last)
        alive = bisect_left(range(own), True, key=lambda n: not self._lives(keys[n], n, asked.at))
        ready = bisect_left(range(alive), True, key=lambda n: not self._is_ready(keys[n], asked.at))
        return seen, own, alive, ready

    def _lives(self, key: int, n: int, at: float) -> bool:
        """Whether the prefix of ``n`` + 1 blocks with this key is there at this time."""
        refreshed = self._last if self._rule is None or self._rule.refreshes else self._born
        use = self._uses[refreshed[key]]
        life = use.long[1] if n < use.long[0] else use.life
        return at < use.at + max(life, self._keep)

    def _is_ready(self, key: int, at: float) -> bool:
        return self._uses[self._born[key]].ready <= at

    def _partly(self, asked: Asked, seen: int) -> list[tuple[int, int]]:
        """Others that begin as the next block does: with how many characters, and the prefixes that end with them.

        The one that has most in common is a neighbour in the order of texts; the last one is the least likely to have
        expired."""
        parent = asked.path[seen - 1] if seen else 0
        row = self._children.get(parent)
        if seen >= len(asked.path) or not row:
            return []
        blocks, prefixes = self._prompts.blocks, self._prompts.prefixes
        block = blocks[prefixes.block[asked.path[seen]]]
        at = bisect_left(row, block.text, key=lambda number: blocks[number].text)
        near = [prefixes.after(parent, number) for number in row[max(at - 1, 0) : at + 1]]
        use = self._uses[self._seen[parent] if parent else -1]
        near += prefixes.path(use.end)[seen : seen + 1]
        alike = [prefix for prefix in near if blocks[prefixes.block[prefix]].role == block.role]
        common = (min(common_prefix(blocks[prefixes.block[p]].text, block.text), block.size) for p in alike)
        return [(size, prefix) for prefix, size in zip(alike, common, strict=True) if size]

    def _states(self, asked: Asked, seen: int, prefix: int) -> tuple[bool, bool, bool, bool]:
        """Whether it is known; with these settings; alive; ready."""
        tools, system = asked.heads
        key = prefix | asked.salts[0 if seen < tools else 1 if seen < system else 2] << 32
        if key not in self._last:
            return True, False, False, False
        alive = self._lives(key, seen, asked.at)
        return True, True, alive, alive and self._is_ready(key, asked.at)

    def _by_rule(self, asked: Asked, keys: Sequence[int], ready: int, end: int) -> tuple[int, bool]:
        """Tokens that the rules give of what is ready; whether there is an entry that no look-up reaches."""
        rule = self._rule
        if rule is None:
            return asked.tokens(end), False
        if _has_marks(rule, asked):
            return self._by_marks(asked, keys, rule, ready)
        tokens = asked.tokens(end) // rule.step * rule.step
        return (tokens if tokens >= rule.minimum else 0), False

    def _by_marks(self, asked: Asked, keys: Sequence[int], rule: Rule, ready: int) -> tuple[int, bool]:
        """The longest entry that a mark's look-up finds. Marks that are not known are where they should be."""
        starts = [place + 1 for place, _ in asked.marks] if asked.marks is not None else [len(keys)]
        back = rule.lookback if asked.marks is not None and rule.lookback else len(keys)
        alive = [
            n for n in range(ready, 0, -1) if keys[n - 1] in self._marked and self._is_entry(keys[n - 1], asked.at)
        ]
        for n in alive:
            if any(n <= start and start - n < back for start in starts):
                return asked.tokens(asked.ends[n - 1]), n != alive[0]
        return 0, bool(alive) and bool(starts)

    def _is_entry(self, key: int, at: float) -> bool:
        entry = self._marked[key]
        return at < entry.until and entry.ready <= at

    def _write(self, asked: Asked, keys: Sequence[int], found: Found) -> tuple[int, int]:
        """What is written for this prompt, in tokens; and the part of it for a longer lifetime."""
        rule = self._rule
        if rule is None or not keys:
            return 0, 0
        total = asked.tokens(asked.ends[-1])
        if not _has_marks(rule, asked):
            return (total - found.rules if total >= rule.minimum else 0), 0
        paid, long = found.rules, 0
        for n, name in _places(rule, asked):
            ttl = rule.ttl(name)
            tokens = asked.tokens(asked.ends[n])
            if ttl is None or tokens < rule.minimum:
                continue
            self._mark(asked, keys[n], float(ttl.seconds))
            long += max(tokens - paid, 0) if ttl != rule.ttls[0] else 0
            paid = max(paid, tokens)
        return paid - found.rules, long

    def _mark(self, asked: Asked, key: int, life: float) -> None:
        entry = self._marked.get(key)
        if entry is None or asked.at >= entry.until:
            self._marked[key] = _Entry(asked.at + max(life, self._keep), asked.ready, life)
        elif self._rule is None or self._rule.refreshes:
            entry.until = max(entry.until, asked.at + max(entry.life, self._keep))

    def _remember(self, asked: Asked, keys: Sequence[int], seen: int, alive: int) -> None:
        """At the speed of dictionaries: all of a long conversation is used with each of its calls."""
        number = len(self._uses)
        life, long = _lifetimes(self._rule, asked)
        self._uses.append(_Use(asked.number, asked.at, asked.ready, asked.path[-1] if asked.path else 0, life, long))
        if keys is not asked.path and self._seen is self._last:
            self._seen = dict(self._last)
        self._last.update(dict.fromkeys(keys, number))
        if self._seen is not self._last:
            self._seen.update(dict.fromkeys(asked.path, number))
        self._born.update(dict.fromkeys(keys[alive:], number))
        for n in range(seen, len(asked.path)):
            self._follow(asked.path[n - 1] if n else 0, asked.path[n])

    def _follow(self, parent: int, prefix: int) -> None:
        blocks = self._prompts.blocks
        row = self._children.setdefault(parent, [])
        number = self._prompts.prefixes.block[prefix]
        row.insert(bisect_left(row, blocks[number].text, key=lambda n: blocks[n].text), number)


def _has_marks(rule: Rule, asked: Asked) -> bool:
    """Whether entries end at marks. Where a cache is automatic and marks are not known, they end by themselves."""
    return bool(rule.mark) and not (rule.automatic and asked.marks is None)


def _places(rule: Rule, asked: Asked) -> list[tuple[int, str]]:
    """Where entries end, and their lifetimes; in order."""
    if asked.marks is not None:
        return sorted((place, ttl) for place, ttl in asked.marks if place < len(asked.path))
    name = asked.lifetime or rule.ttls[0].name
    ends = {asked.heads[1] - 1, len(asked.path) - 1}
    return sorted((place, name) for place in ends if place >= 0)


def _lifetimes(rule: Rule | None, asked: Asked) -> tuple[float, tuple[int, float]]:
    """Seconds that prefixes live, and how many blocks of them live how much longer: those before a longer mark."""
    if rule is None or not rule.ttls:
        return inf, (0, inf)
    life = float((rule.ttl(asked.lifetime) or rule.ttls[0]).seconds)
    found = 0, life
    for place, name in asked.marks or ():
        ttl = rule.ttl(name)
        if ttl is not None and ttl.seconds > life:
            found = max(found[0], place + 1), float(ttl.seconds)
    return life, found


def salts(settings: Mapping[str, str], rule: Rule | None, known: dict[object, int]) -> tuple[int, int, int]:
    """What of a call's settings each tier depends on, by the rule's ``invalidates``; as small numbers."""
    lost = rule.invalidates if rule is not None else {}
    numbers = []
    for tier in TIERS:
        mine = tuple(sorted((name, value) for name, value in settings.items() if tier in lost.get(name, ())))
        numbers.append(known.setdefault(mine, len(known) + 1) if mine else 0)
    return numbers[0], numbers[1], numbers[2]
