"""Which earlier call one should have continued, where it does not simply begin as that one did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from everwarm.core.analysis.call import Call
from everwarm.core.analysis.compare import grown
from everwarm.core.analysis.prompts import Prompts
from everwarm.core.analysis.rivals import Kin, Rivals

_TAIL: Final = 16
"""Blocks at the end of a prompt by which its continuation finds it."""

_SEARCHED: Final = 48
"""Blocks at the end of a prompt of which one may have been at the end of an earlier one."""

_TRIED: Final = 4
"""Earlier calls that are compared."""


class Kindred:
    """Remembers the last call of each conversation, application and stretch of text, of one namespace: they know
    nothing of each other."""

    def __init__(self, prompts: Prompts, calls: Sequence[Call]) -> None:
        """``calls``: those of all namespaces, by their numbers; it grows."""
        self._prompts = prompts
        self._calls = calls
        self._sessions: dict[str, int] = {}
        self._apps: dict[tuple[str, str], int] = {}  # by dialect, too
        self._blocks: dict[int, int] = {}  # block -> the last call that had it near an end
        self._heads: dict[int, tuple[int, Sequence[int]]] = {}  # what ``_blocks`` lacks of beginnings: the prefix that
        # one ends with -> the last call that begins so, and the prefixes
        self._ended: dict[int, int] = {}  # the prefix that is a whole prompt -> the last call that had it

    def ended(self, known: int) -> Kin | None:
        """The last one whose whole prompt is its longest beginning that was sent before: this prefix."""
        number = self._ended.get(known)
        if number is None:
            return None
        return Kin(self._calls[number], number, grown(self._prompts.prefixes.length[known]))

    def find(self, call: Call, end: Callable[[int], int], pair: int) -> Kin | None:
        """The one that it has most in common with, if nothing speaks against that one. ``end``: where so many of its
        blocks end, in characters; ``pair``: the last call that has its longest beginning which was sent before."""
        row = self._prompts.prefixes.row(call.prompt.blocks)
        rivals = Rivals(self._prompts, call, row, end)
        for number in self._candidates(call, row, pair):
            other = self._calls[number]
            if rivals.add(other, number, self._prompts.prefixes.row(other.prompt.blocks)):
                break
        return rivals.first()

    def remember(self, call: Call, number: int, path: Sequence[int], head: int) -> None:
        """The last call, and its number. ``path``: the prefixes of its prompt, the shortest first; ``head``: how many
        of its blocks are no messages."""
        line, block, blocks = call.line, self._prompts.prefixes.block, self._blocks
        self._ended[call.prompt.blocks] = number
        for prefix in path[-_TAIL:]:
            blocks[block[prefix]] = number
        if head:  # many begin so, one after the other: it is enough to know the last one when it is asked for
            begin = path[: head if head < _TAIL else _TAIL]
            self._heads[begin[-1]] = number, begin
        if line.session:
            self._sessions[line.session] = number
        self._apps[line.app, call.dialect] = number

    def _candidates(self, call: Call, row: Sequence[int], pair: int) -> list[int]:
        found: dict[int, None] = {}
        for number in self._near(call, row, pair):
            if number >= 0:
                found[number] = None
            if len(found) == _TRIED:
                break
        return list(found)

    def _note_heads(self) -> None:
        block, blocks = self._prompts.prefixes.block, self._blocks
        for number, begin in self._heads.values():
            for prefix in begin:
                blocks[block[prefix]] = max(number, blocks.get(block[prefix], -1))
        self._heads.clear()

    def _near(self, call: Call, row: Sequence[int], pair: int) -> Iterator[int]:
        self._note_heads()
        line, blocks = call.line, self._blocks
        if line.session:
            yield self._sessions.get(line.session, -1)
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
        yield self._apps.get((line.app, call.dialect), -1)
