"""Which earlier call one should have continued, where it does not simply begin as that one did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from everwarm.core.analysis.call import Call
from everwarm.core.analysis.compare import Difference
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.rivals import Kin, Rivals

_TAIL: Final = 16
"""Blocks at the end of a prompt by which its continuation finds it."""

_SEARCHED: Final = 48
"""Blocks at the end of a prompt of which one may have been at the end of an earlier one."""

_TRIED: Final = 4
"""Earlier calls that are compared."""

_ROWS: Final = 64
"""Calls whose rows are kept, for they are asked for soon."""


class Kindred:
    """Remembers the last call of each conversation, application and stretch of text. Namespaces know nothing of each
    other."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self._calls: list[Call] = []
        self._rows: dict[int, Sequence[int]] = {}
        self._last: dict[tuple[object, ...], int] = {}
        self._blocks: dict[str, dict[int, int]] = {}  # namespace -> block -> the last call that had it near an end
        self._ended: dict[tuple[str, int], int] = {}  # the prefix that is a whole prompt -> the last call that had it

    def find(self, call: Call, row: Sequence[int], ends: Sequence[int], known: int, pair: int) -> Kin | None:
        """The one that it has most in common with, if nothing speaks against that one. ``ends``: where its blocks end,
        in characters; ``known``: its longest beginning that was sent before, a prefix; ``pair``: the last call that
        has it."""
        ended = self._ended.get((call.line.space, known), -1) if known else -1
        if ended >= 0:
            same = self._prompts.prefixes.length[known]
            return Kin(self._calls[ended], ended, row[:same], Difference(same, 0, 0), ends[same - 1])
        rivals = Rivals(self._prompts, call, row, ends)
        for number in self._candidates(call, row, pair):
            if rivals.add(self._calls[number], number, self._row(number)):
                break
        return rivals.first()

    def _row(self, number: int) -> Sequence[int]:
        kept = self._rows.get(number)
        return self._prompts.prefixes.row(self._calls[number].prompt.blocks) if kept is None else kept

    def remember(self, call: Call, row: Sequence[int]) -> None:
        """Calls are numbered from 0, in the order in which they are remembered."""
        number, space = len(self._calls), call.line.space
        self._calls.append(call)
        self._rows[number] = row
        self._rows.pop(number - _ROWS, None)
        self._ended[space, call.prompt.blocks] = number
        head = self._prompts.heads(call.prompt.blocks)[1]
        blocks = self._blocks.setdefault(space, {})
        blocks.update(dict.fromkeys(row[: min(head, _TAIL)], number))
        blocks.update(dict.fromkeys(row[-_TAIL:], number))
        if call.line.session:
            self._last[space, "session", call.line.session] = number
        self._last[space, "app", call.line.app, call.dialect] = number

    def call(self, number: int) -> Call | None:
        """The one with this number; None for -1."""
        return self._calls[number] if number >= 0 else None

    def _candidates(self, call: Call, row: Sequence[int], pair: int) -> list[int]:
        found: dict[int, None] = {}
        for number in self._near(call, row, pair):
            if number >= 0:
                found[number] = None
            if len(found) == _TRIED:
                break
        return list(found)

    def _near(self, call: Call, row: Sequence[int], pair: int) -> Iterator[int]:
        last, space = self._last, call.line.space
        blocks = self._blocks.get(space, {})
        if call.line.session:
            yield last.get((space, "session", call.line.session), -1)
        hits: set[int] = set()
        for block in reversed(row[-_SEARCHED:]):
            number = blocks.get(block, -1)
            if number >= 0 and number not in hits:
                yield number
                hits.add(number)
                if len(hits) == 2:
                    break
        yield pair
        for block in row[:_TAIL]:
            number = blocks.get(block, -1)
            if number >= 0:
                yield number
                break
        yield last.get((space, "app", call.line.app, call.dialect), -1)
