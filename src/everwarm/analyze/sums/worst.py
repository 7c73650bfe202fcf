"""The requests that lost most, as rows of coloured bars."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from everwarm.analyze.report import Bar, Worst
from everwarm.analyze.sums.intervals import Stretch, stretches
from everwarm.core.analysis.call import Call
from everwarm.core.analysis.cures import label
from everwarm.core.analysis.loss import UNAVOIDABLE, Account, Loss
from everwarm.core.analysis.prompts import Prompts

MOST: Final = 12
"""Requests that are shown."""

_ALIKE: Final = 4
"""Of these, at most so many that lost most to the same."""

_KEPT: Final = 400
"""Requests that are looked at in the end."""

_SHOWN: Final = 80
"""Characters of a bar's text."""


class _Entry(NamedTuple):
    lost: int
    number: int
    call: Call
    account: Account


class Worsts:
    """Takes calls with their accounts; then ``done``."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._heap: list[_Entry] = []

    def add(self, number: int, call: Call, account: Account, lost: int) -> None:
        """``number``: in the order of time. ``lost``: tokens of the account."""
        heap = self._heap
        if len(heap) == _KEPT:
            if lost > heap[0].lost:  # of those that lost as much the first stay
                heapq.heapreplace(heap, _Entry(lost, -number, call, account))
        elif lost:
            heapq.heappush(heap, _Entry(lost, -number, call, account))

    def done(self, call_of: Callable[[int], Call]) -> list[Worst]:
        """Those that lost most first; not too many of one kind. ``call_of``: the call with a number."""
        seen: Counter[str] = Counter()
        found = []
        for entry in sorted(self._heap, reverse=True):
            loss = max((each for each in entry.account.losses if each.cause not in UNAVOIDABLE), key=_tokens)
            name = label(loss.cause, loss.change.what if loss.change else "")
            seen[name] += 1
            if seen[name] <= _ALIKE:
                found.append(self._worst(entry, loss, name, call_of))
            if len(found) == MOST:
                break
        return found

    def _worst(self, entry: _Entry, loss: Loss, name: str, call_of: Callable[[int], Call]) -> Worst:
        call, account = entry.call, entry.account
        before = set(self._prompts.prefixes.row(call_of(loss.pair).prompt.blocks)) if loss.pair >= 0 else set()
        change = loss.change
        where = f"{call.place.file}:{call.place.line}"
        worst = Worst(where, call.at, call.line.model, account.total, account.read, entry.lost, name, "", "", "")
        if change is not None:
            worst.path, worst.was, worst.became = change.path, change.was, change.became
        worst.bars = self._bars(list(stretches(self._prompts, call, account)), before)
        return worst

    def _bars(self, row: Sequence[Stretch], before: set[int]) -> list[Bar]:
        bars: list[Bar] = []
        for prefix, tokens, known, _, _ in row:
            number = self._prompts.prefixes.block[prefix]
            block = self._prompts.blocks[number]
            there = number in before
            stability = "dynamic" if not there else "session" if block.tier == "messages" else "static"
            read = 2 * known > tokens
            if bars and bars[-1].stability == stability and bars[-1].read == read:
                bars[-1].tokens += tokens
            else:
                bars.append(Bar(stability, tokens, read, block.said.strip()[:_SHOWN]))
        return bars


def _tokens(loss: Loss) -> int:
    return loss.tokens
