"""What a cache of whole answers would have answered: calls that were made before, word for word."""

from __future__ import annotations

from typing import Final

from everwarm.analyze.report import Answers
from everwarm.analyze.sums.money import plus
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.compare import is_near
from everwarm.core.analysis.loss import Account
from everwarm.core.analysis.prompts import Prompts

LIFETIMES: Final = (300.0, 3_600.0, 86_400.0, 7 * 86_400.0)
"""Seconds that answers are kept."""


class Answered:
    """Takes calls in order. Calls without a body are none that could have been answered: not all of them is known."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._stored: dict[object, float | list[float]] = {}  # when an answer was stored; once it was asked for again,
        # for each lifetime
        self._rows = [Answers(ttl, 0, 0, 0.0) for ttl in LIFETIMES]
        self._lasts: dict[object, int] = {}
        self.near = 0

    def add(self, call: Call, account: Account, cost: float | None) -> None:
        """``cost``: of the call as it was made."""
        if not call.dialect or call.at is None:
            return
        key = call.line.space, call.dialect, call.prompt.units, id(call.rest)
        stored = self._stored.get(key)
        if stored is None:
            self._stored[key] = call.at
            self.near += self._is_near(call) or account.near
            return
        if not isinstance(stored, list):
            stored = self._stored[key] = [stored] * len(self._rows)
        for n, row in enumerate(self._rows):
            if call.at - stored[n] >= row.ttl:
                stored[n] = call.at
                continue
            row.calls += 1
            row.tokens += call.tokens + (call.usage.output if call.usage else 0)
            row.cost = plus(row.cost, cost)

    @property
    def rows(self) -> list[Answers]:
        """By lifetime."""
        return self._rows

    def _is_near(self, call: Call) -> bool:
        """Whether it differs from the last one that began so in a little of its last block."""
        prefixes, blocks = self._prompts.prefixes, self._prompts.blocks
        last = call.prompt.blocks
        key = call.line.space, prefixes.parent[last], id(call.rest)
        before = self._lasts.get(key)
        self._lasts[key] = prefixes.block[last]
        return before is not None and is_near(blocks[before], blocks[prefixes.block[last]])
