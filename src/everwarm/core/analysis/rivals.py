"""Of some earlier calls the one that another one should have continued: which it has most in common with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from everwarm.core.analysis.call import Call
from everwarm.core.analysis.compare import PAIRED, Difference, Parted, common, compare, enough, goes_on, missing, part
from everwarm.core.analysis.prompts import Prompts

_WEIGHTS: Final = (25, 20, 16)
"""Of a character that is there again, by how much speaks against the call: 1.25 times as many must be there of one that
something speaks against."""

_ENOUGH: Final = 0.8
"""Part of the shorter of two prompts that is in the other as well: no more need to be compared."""


@dataclass(slots=True)
class Kin:
    """An earlier call, and how this one differs from it."""

    call: Call
    number: int
    difference: Difference
    old: Sequence[int] = ()  # the blocks of its prompt, and of this one's; none where this one goes on from all of it
    new: Sequence[int] = ()


class _Rival:
    """Compared only if it matters: for most of those that something speaks against it is enough that they cannot have
    more in common with the call than all of it."""

    __slots__ = ("against", "compared", "kin", "number", "other", "parted", "row", "same", "weight")

    def __init__(self, other: Call, number: int, row: Sequence[int], parted: Parted) -> None:
        self.other, self.number, self.row, self.parted = other, number, row, parted
        self.against = 0  # how much speaks against it
        self.weight = 0  # what is there again of it; as long as it is not compared, at most that
        self.compared = False
        self.same = 0  # characters that both have, if it was compared
        self.kin: Kin | None = None  # if it was compared, and is the same conversation or application


class Rivals:
    """Those of one call. Of two that have as much in common with it, the one that was added first goes before."""

    def __init__(self, prompts: Prompts, call: Call, row: Sequence[int], end: Callable[[int], int]) -> None:
        """``row``: the blocks of its prompt, at least one; ``end``: where so many of them end, in characters."""
        self._prompts = prompts
        self._call, self._row, self._end = call, row, end
        self._rivals: list[_Rival] = []

    def add(self, other: Call, number: int, row: Sequence[int]) -> bool:
        """An earlier call, its number and its row. Whether it is the one for sure: no others need be added."""
        same = common(row, self._row)
        if not self._can_be(same, len(row)):
            return False
        parted = part(row, self._row, same)
        rival = _Rival(other, number, row, parted)
        self._rivals.append(rival)
        rival.against = self._against(other, parted)
        rival.weight = self._end(len(self._row)) * _WEIGHTS[rival.against]
        if rival.against and not parted.grown:
            return False
        self._compare(rival)
        return self._is_enough(rival) and self._first() is rival

    def first(self) -> Kin | None:
        """The one that it has most in common with; None if it is of no one's conversation or application."""
        found = self._first()
        return found.kin if found else None

    def _first(self) -> _Rival | None:
        best: _Rival | None = None
        for rival in sorted(self._rivals, key=_weight, reverse=True):  # those with one weight stay in order
            if best is not None and rival.weight < best.weight:
                break
            if best is not None and not rival.compared and self._most(rival) < best.weight:
                continue
            self._compare(rival)
            if rival.kin and (best is None or self._is_before(rival, best)):
                best = rival
        return best

    def _most(self, rival: _Rival) -> int:
        """The weight that it cannot exceed, more closely."""
        return (self._end(len(self._row)) - missing(self._prompts, rival.parted)) * _WEIGHTS[rival.against]

    def _is_before(self, one: _Rival, other: _Rival) -> bool:
        if one.weight != other.weight:
            return one.weight > other.weight
        return self._rivals.index(one) < self._rivals.index(other)

    def _against(self, other: Call, parted: Parted) -> int:
        """How much speaks against it: it is of another application; what was said in it is not said here. So of a
        conversation and its double the former is found, though the double may have more of the same."""
        blocks = self._prompts.blocks
        gone = {blocks[number].tier for number in parted.gone[:PAIRED]}
        return (self._call.line.app != other.line.app) + ("messages" in gone)

    def _is_enough(self, rival: _Rival) -> bool:
        if rival.kin is None:
            return False
        least = _ENOUGH * min(self._call.size, rival.other.size)
        return rival.parted.grown or rival.same >= least

    def _compare(self, rival: _Rival) -> None:
        """If it is not done yet."""
        if rival.compared:
            return
        rival.compared = True
        difference = compare(self._prompts, rival.row, self._row, rival.parted)
        begin = difference.begin(self._end)
        rival.same = begin + difference.again
        rival.weight = rival.same * _WEIGHTS[rival.against]
        if self._continues(rival, difference, begin):
            rival.kin = Kin(rival.other, rival.number, difference, rival.row, self._row)

    def _can_be(self, same: int, blocks: int) -> bool:
        """Whether all that follows the blocks that are the same could speak for one of so many blocks."""
        row, end = self._row, self._end
        return same in (blocks, len(row)) or enough(end(len(row)) - end(same), talk=self._is_talk(same))

    def _is_talk(self, at: int) -> bool:
        """Whether this block is in a message."""
        return at < len(self._row) and self._prompts.blocks[self._row[at]].tier == "messages"

    def _continues(self, rival: _Rival, difference: Difference, begin: int) -> bool:
        """Whether it is the same conversation, or the same application's system prompt."""
        call, other, talk = self._call, rival.other, self._is_talk(difference.blocks)
        if talk and not difference.grown:
            mine, others = call.line.session, other.line.session
            if mine != others or not (mine or self._is_same_talk(rival.row, difference)):
                return False
        return goes_on(difference, min(call.size, other.size) - begin, talk=talk)

    def _is_same_talk(self, before: Sequence[int], difference: Difference) -> bool:
        """By its messages alone: it begins with the same one, or goes on from where the other one ended."""
        at, row = difference.blocks, self._row
        if at and self._prompts.blocks[row[at - 1]].tier == "messages":
            return True
        if row[at] in before[at:] or before[at] in row[at:] or (before[at], row[at]) in difference.pairs:
            return True
        return len(before) - at > 2 and set(before[-2:]) <= set(row[at:])


def _weight(rival: _Rival) -> int:
    return rival.weight
