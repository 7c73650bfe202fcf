"""A provider's prompt cache of one model and tenant, as its rules describe it; simulated call by call.

It never lets go of anything but what has expired. What differs between what it would have had and what was really read
is up to the provider: other replicas, and what it let go.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Container, Sequence
from itertools import pairwise
from math import inf
from typing import Final

from everwarm.core.analysis.asked import NONE, Asked, Found
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.ends import has_marks, life_of, lifetimes
from everwarm.core.analysis.entries import Entries
from everwarm.core.analysis.latest import Latest
from everwarm.core.analysis.ordered import Ordered
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.uses import Uses
from everwarm.core.common_prefix import common_prefix
from everwarm.core.rules import Rule

_TRIED: Final = 4
"""Blocks that a call adds to a conversation, mostly at most."""


class Cache:
    """``rule`` None: of a provider that nothing is known of; it keeps all, to the token. ``keep``: seconds for which a
    prefix is kept alive by asking for it again before it expires."""

    def __init__(self, prompts: Prompts, rule: Rule | None, keep: float = 0.0) -> None:
        self._prompts = prompts
        self._rule = rule
        self._keep = keep
        self._life = life_of(rule, "") or inf
        self._lasts = max(self._life, keep)  # seconds that a prefix is there which has the rule's first lifetime
        self._refreshes = rule is None or rule.refreshes
        self._calls = array("Q")  # by use: the number of the call that prefixes were used by
        self._times = array("d")  # when that was
        self._wholes = array("I")  # the prefix that was its whole prompt; 0: it was empty
        self._used = Uses()  # prefixes
        self._lived = self._used  # keys; the same as long as settings play no part
        self._born: dict[int, int] = {}  # of a cache that does not refresh: key -> the use since which it lives
        # the last prefix and the salts of a prompt -> its keys
        self._keyed: Latest[tuple[int, object], list[int]] = Latest()
        self._ready: dict[int, float] = {}  # key -> when it can be read
        self._longer: dict[float, set[int]] = {}  # a lifetime that is not the first of the rule -> keys that have it
        self._only: dict[int, int] = {}  # prefix -> the one that follows it; 0: there are several
        self._several: dict[tuple[int, str], Ordered] = {}  # of these, by role: the blocks
        self._entries = Entries(rule, keep) if rule is not None and rule.mark else None

    def ask(self, asked: Asked) -> Found:
        """How far it is known; and it is known from now on."""
        keys = asked.path if asked.salts == NONE else self._keys(asked)
        seen, own, alive, ready = depths = self._depths(asked, keys)
        ends, last = self._ends(asked, depths)
        pair = self._calls[self._used.of(last)] if last else -1
        rules, beyond, written, long = self._by_rule(asked, keys, ready, ends[3])
        self._remember(asked, keys, seen, own, alive)
        return Found(ends[0], ends[1], ends[2], ends[3], rules, seen, pair, beyond, written, long)

    def _keys(self, asked: Asked) -> Sequence[int]:
        """Those of the prompt that it goes on from, and what came behind. Not to be changed."""
        path, kept, keys = asked.path, self._keyed, list[int]()
        for n in range(len(path), max(len(path) - _TRIED, 0), -1):
            if (path[n - 1], asked.salts) in kept:
                keys = kept[path[n - 1], asked.salts]
                break
        if len(keys) < len(path):
            keys = keys + asked.keys(len(keys))
            kept.keep((path[-1], asked.salts), keys)
        return keys

    def _depths(self, asked: Asked, keys: Sequence[int]) -> tuple[int, int, int, int]:
        """Of blocks that were seen; with these settings; that live; that are ready. Who has a prefix has all that it
        begins with, so each is found by halving."""
        path, at = asked.path, asked.at
        seen = own = _known(path, len(path), self._used.known)
        if keys is not path or self._held() is not self._used.known:
            own = _known(keys, seen, self._held())
        alive = self._alive(keys, own, at)
        if alive and self._ready[keys[alive - 1]] <= at:  # as mostly
            return seen, own, alive, alive
        return seen, own, alive, _holding(alive, lambda n: self._ready[keys[n]] <= at)

    def _held(self) -> Container[int]:
        """The keys that are there, or were."""
        return self._lived.known if self._refreshes else self._born

    def _alive(self, keys: Sequence[int], own: int, at: float) -> int:
        if not self._refreshes:  # what is longer may be younger
            return next((n for n in range(own) if not self._lives(keys[n], at)), own)
        if own and self._lives(keys[own - 1], at):  # as mostly
            return own
        return _holding(own, lambda n: self._lives(keys[n], at))

    def _lives(self, key: int, at: float) -> bool:
        lasts = self._lasts
        if self._longer:
            life = max((life for life, keys in self._longer.items() if key in keys), default=self._life)
            lasts = max(life, self._keep)
        return at < self._times[self._lived.of(key) if self._refreshes else self._born[key]] + lasts

    def _ends(self, asked: Asked, depths: tuple[int, int, int, int]) -> tuple[tuple[int, int, int, int], int]:
        """Characters of each depth, with those of the next block that another one there begins with; and the longest
        prefix that was seen and has all of the first, be it with that other block."""
        seen, *_, ready = depths
        last = asked.path[seen - 1] if seen else 0
        whole = asked.end(seen)
        goes_on = seen < len(asked.path) and last in self._only  # else nothing was seen behind it
        if ready == seen and not goes_on:  # as of most
            return (whole, whole, whole, whole), last
        ends = list(map(asked.end, depths))
        for common, other in self._partly(asked, seen) if goes_on else ():
            if whole + common > ends[0]:
                last = other
            for n, holds in enumerate(self._states(asked, seen, other)):
                if holds and ends[n] >= whole:
                    ends[n] = max(ends[n], whole + common)
        return (ends[0], ends[1], ends[2], ends[3]), last

    def _partly(self, asked: Asked, seen: int) -> list[tuple[int, int]]:
        """Others that begin as the next block does: with how many characters, and the prefixes that end with them.

        The one that has most in common is a neighbour in the order of texts; the last one is the least likely to have
        expired."""
        parent = asked.path[seen - 1] if seen else 0
        blocks, prefixes = self._prompts.blocks, self._prompts.prefixes
        block = blocks[prefixes.block[asked.path[seen]]]
        near = [prefixes.after(parent, number) for number in self._following(parent, block)]
        if not near:
            return []
        use = self._used.of(parent) if parent else -1
        last = prefixes.path(self._wholes[use])[seen : seen + 1]
        near += [prefix for prefix in last if blocks[prefixes.block[prefix]].role == block.role]
        common = (min(common_prefix(blocks[prefixes.block[p]].text, block.text), block.size) for p in near)
        head = block.head  # whose it is says nothing
        return [(size, prefix) for prefix, size in zip(near, common, strict=True) if size > head]

    def _states(self, asked: Asked, seen: int, prefix: int) -> tuple[bool, bool, bool, bool]:
        """Whether it is known; with these settings; alive; ready."""
        tools, system = asked.heads
        key = prefix | asked.salts[0 if seen < tools else 1 if seen < system else 2] << 32
        if key not in self._held():
            return True, False, False, False
        alive = self._lives(key, asked.at)
        return True, True, alive, alive and self._ready[key] <= asked.at

    def _by_rule(self, asked: Asked, keys: Sequence[int], ready: int, end: int) -> tuple[int, int, int, int]:
        """Tokens that the rules give of what is ready; characters of an entry that no look-up reaches; tokens that are
        written behind what is read, and those of them for a longer lifetime."""
        rule = self._rule
        if rule is None:
            return asked.places.upto(end), 0, 0, 0
        if self._entries is not None and has_marks(rule, asked):
            return self._entries.ask(asked, keys, ready)
        tokens = asked.places.upto(end) // rule.step * rule.step
        if tokens < rule.minimum:
            tokens = 0
        total = asked.places.total if keys else 0
        return tokens, 0, total - tokens if total >= rule.minimum else 0, 0

    def _remember(self, asked: Asked, keys: Sequence[int], seen: int, own: int, alive: int) -> None:
        """All of a long conversation is used with each of its calls."""
        use, path = len(self._calls), asked.path
        self._calls.append(asked.number)
        self._times.append(asked.at)
        self._wholes.append(path[-1] if path else 0)
        if not self._refreshes:
            self._born.update(dict.fromkeys(keys[alive:], use))
        elif keys is not path and self._lived is self._used:
            self._lived = self._used.copy()
        self._used.note(path, seen, use)
        if self._lived is not self._used:
            self._lived.note(keys, own, use)
        self._live_on(asked, keys, alive)
        if seen < len(path):
            parent, prefix = path[seen - 1] if seen else 0, path[seen]
            only = self._only.setdefault(parent, prefix)
            if only != prefix:  # else, as nearly always, it is the only one
                self._follow(parent, only, prefix)
            self._only.update(pairwise(path[seen:]))

    def _live_on(self, asked: Asked, keys: Sequence[int], alive: int) -> None:
        """What was not there, or had expired, begins anew; what was there is ready, and lives, as the best of its uses
        says."""
        born, ready, known = keys[alive:], asked.ready, self._ready
        while alive and known[keys[alive - 1]] > ready:  # else all that it begins with is ready as well
            alive -= 1
            known[keys[alive]] = ready
        for key in born:
            known[key] = ready
        if not (self._longer or asked.lifetime or asked.marks) or self._rule is None or len(self._rule.ttls) < 2:
            return  # all there is has the first lifetime
        for longer in self._longer.values():
            longer.difference_update(born)
        for count, life in lifetimes(self._rule, asked):
            if life > self._life:
                self._longer.setdefault(life, set()).update(keys[:count])

    def _follow(self, parent: int, only: int, prefix: int) -> None:
        """Another one behind the one that was the only one, or behind several: rows are for where prompts part."""
        if only:
            self._insert(parent, only)
            self._only[parent] = 0
        self._insert(parent, prefix)

    def _insert(self, parent: int, prefix: int) -> None:
        number = self._prompts.prefixes.block[prefix]
        key = parent, self._prompts.blocks[number].role
        row = self._several.get(key)
        if row is None:
            row = self._several[key] = Ordered(self._prompts.blocks)
        row.put(number)

    def _following(self, parent: int, block: Block) -> Sequence[int]:
        """Of the blocks of a role that were seen behind a prefix, the neighbours of this one in the order of texts."""
        only = self._only.get(parent)
        if not only:
            row = self._several.get((parent, block.role))
            return row.near(block.text) if row is not None else ()
        number = self._prompts.prefixes.block[only]
        return (number,) if self._prompts.blocks[number].role == block.role else ()


def _known(keys: Sequence[int], count: int, held: Container[int]) -> int:
    """Of so many of these prefixes, those that are held: the first ones. Most often it is all but the last ones."""
    for upto in range(count, max(count - _TRIED, 0), -1):
        if keys[upto - 1] in held:
            return upto
    return _holding(max(count - _TRIED, 0), lambda n: keys[n] in held)


def _holding(count: int, holds: Callable[[int], bool]) -> int:
    """Of so many prefixes, those for which it holds: the first ones."""
    return bisect_left(range(count), True, key=lambda n: not holds(n))
