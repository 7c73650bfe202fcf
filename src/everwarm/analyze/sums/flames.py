"""The prefix flame graph: what prompts begin with, how they go on, and which of it was read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from everwarm.analyze.report import Flame
from everwarm.analyze.sums.intervals import Stretch
from everwarm.core.analysis.prompts import Prompts

MOST: Final = 2_000
"""Stretches of the picture; the widest."""

_DEEPEST: Final = 100
"""Stretches behind each other; what comes then is not shown."""

_NEARLY: Final = 0.85
"""Part of the calls that must go on in the same way for a stretch to be drawn as one with the next."""

_SHOWN: Final = 200
"""Characters of a stretch's text."""


@dataclass(slots=True)
class _Heat:
    calls: int = 0
    tokens: int = 0  # of all calls together
    read: int = 0
    lost: int = 0
    labels: dict[str, int] = field(default_factory=dict)


class Flames:
    """Takes the stretches of prompts; then ``done``."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._heats: dict[int, _Heat] = defaultdict(_Heat)

    def add(self, stretches: Iterable[Stretch]) -> None:
        """Those of one call."""
        heats = self._heats
        for prefix, tokens, read, lost, label in stretches:
            heat = heats[prefix]
            heat.calls += 1
            heat.tokens += tokens
            heat.read += read
            if lost:
                heat.lost += lost
                heat.labels[label] = heat.labels.get(label, 0) + lost

    def done(self, most: int = MOST) -> list[Flame]:
        """The trees, the widest first. Stretches that nearly the same calls have are one."""
        parent = self._prompts.prefixes.parent
        chosen = sorted(self._heats, key=lambda prefix: -self._heats[prefix].tokens)[:most]
        kept = {prefix for prefix in chosen if self._heats[prefix].tokens}
        inside: dict[int, list[int]] = defaultdict(list)
        for prefix in chosen:
            if prefix in kept:
                above = parent[prefix]
                while above and above not in kept:
                    above = parent[above]
                inside[above].append(prefix)
        return self._row(inside, 0, 0)

    def _row(self, inside: dict[int, list[int]], prefix: int, depth: int) -> list[Flame]:
        row = [self._flame(inside, each, depth) for each in inside[prefix]] if depth < _DEEPEST else []
        return sorted(row, key=lambda flame: -flame.tokens * flame.calls)

    def _flame(self, inside: dict[int, list[int]], first: int, depth: int) -> Flame:
        """From this stretch on as far as nearly the same calls go on in the same way: of a conversation that grows by
        hundreds of turns a picture of some dozens of steps says enough."""
        row, calls = [first], self._heats[first].calls
        while len(inside[row[-1]]) == 1 and self._heats[inside[row[-1]][0]].calls >= _NEARLY * calls:
            row.append(inside[row[-1]][0])
        heats = [self._heats[prefix] for prefix in row]
        labels: dict[str, int] = defaultdict(int)
        for heat in heats:
            for name, lost in heat.labels.items():
                labels[name] += lost
        block = self._prompts.blocks[self._prompts.prefixes.block[first]]
        tokens = -(-sum(heat.tokens for heat in heats) // calls)
        flame = Flame(f"{block.role}: {block.said.strip()[:_SHOWN]}"[:_SHOWN], block.tier, tokens, calls, 0, 0)
        flame.read, flame.lost = sum(heat.read for heat in heats), sum(heat.lost for heat in heats)
        flame.cause = max(labels, key=labels.__getitem__, default="")
        flame.inside = self._row(inside, row[-1], depth + 1)
        return flame
