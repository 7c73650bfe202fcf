"""The entries of a provider's cache that end at marks, as its rules describe them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from everwarm.core.analysis.asked import Asked
from everwarm.core.analysis.ends import life_of, places
from everwarm.core.rules import Rule


@dataclass(slots=True)
class _Entry:
    """It ends at a block."""

    until: float
    ready: float
    life: float


class Entries:
    """By the keys of the prefixes that they are of."""

    def __init__(self, rule: Rule, keep: float = 0.0) -> None:
        """``keep``: seconds for which one is kept alive by asking for it again before it expires."""
        self._rule = rule
        self._keep = keep
        self._life = life_of(rule, "") or inf
        self._marked: dict[int, _Entry] = {}

    def ask(self, asked: Asked, keys: Sequence[int], ready: int) -> tuple[int, int, int, int]:
        """``keys``: of its prefixes, of which so many are ready. Tokens that are read; characters of an entry that no
        look-up reaches; tokens that are written behind what is read, and those of them for a longer lifetime."""
        entry, beyond = self._find(asked, keys, ready)
        read = asked.places.upto(asked.end(entry))
        written, long = self._write(asked, keys, read)
        if entry:
            self._refresh(asked, self._marked[keys[entry - 1]])
        return read, asked.end(beyond), written, long

    def _find(self, asked: Asked, keys: Sequence[int], ready: int) -> tuple[int, int]:
        """Blocks of the longest entry that a mark's look-up finds, and of a longer one that lies too far before all
        marks; 0: none. Marks that are not known are where they should be."""
        starts = [place + 1 for place, _ in asked.marks] if asked.marks is not None else [len(keys)]
        back = self._rule.lookback if asked.marks is not None and self._rule.lookback else len(keys)
        beyond = 0
        for n in range(min(ready, max(starts, default=0)), 0, -1):
            entry = self._marked.get(keys[n - 1])
            if entry is not None and entry.ready <= asked.at < entry.until:
                if any(n <= start < n + back for start in starts):
                    return n, beyond
                beyond = beyond or n
        return 0, beyond

    def _write(self, asked: Asked, keys: Sequence[int], read: int) -> tuple[int, int]:
        """What is written for this prompt behind what is read, in tokens; and the part of it for a longer lifetime."""
        rule, paid, long = self._rule, read, 0
        for n, name in places(rule, asked):
            life = life_of(rule, name)
            tokens = asked.places.upto(asked.end(n + 1))
            if life is None or tokens < rule.minimum:
                continue
            self._mark(asked, keys[n], life)
            long += max(tokens - paid, 0) if life > self._life else 0
            paid = max(paid, tokens)
        return paid - read, long

    def _mark(self, asked: Asked, key: int, life: float) -> None:
        entry = self._marked.get(key)
        if entry is None or asked.at >= entry.until:
            self._marked[key] = _Entry(asked.at + max(life, self._keep), asked.ready, life)
        else:
            entry.ready = min(entry.ready, asked.ready)
            self._refresh(asked, entry)

    def _refresh(self, asked: Asked, entry: _Entry) -> None:
        """It begins its own lifetime anew, whatever the mark that used it asks for."""
        if self._rule.refreshes:
            entry.until = max(entry.until, asked.at + max(entry.life, self._keep))
