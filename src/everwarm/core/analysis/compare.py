"""Two prompts of which one should have continued the other: how far they are the same, and what of the rest is there
again behind the first difference, where no prefix cache finds it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from sys import maxsize
from typing import Final, NamedTuple

from everwarm.core.analysis.alike import again as had
from everwarm.core.analysis.alike import alike
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.prompts import Prompts

PAIRED: Final = 64
"""Changed blocks of a prompt that are compared with what stood in their place; of more nothing is said."""

LEAST: Final = 0.3
"""Part of a message that must be as it was for it to be the same message, changed."""

NEAR: Final = 0.9
"""Part of a block that must be the same for it to be nearly the other one."""

_STRETCH: Final = 64
"""Characters of tools or a system prompt that must be there again to speak for the same application."""

_ANY: Final = maxsize
"""Characters, of any size at all."""

_BySize = defaultdict[tuple[str, str], list[int]]

_SAID: Final = 400
"""Characters of messages that must be there again to speak for the same conversation: greetings are alike."""


class Difference(NamedTuple):
    """Sizes in characters of the newer prompt."""

    blocks: int  # with which both begin
    partly: int  # and so much of the next block
    again: int  # behind that: what the older one has as well, at whatever place
    old: tuple[int, ...] = ()  # the blocks of the older one that are not in the newer one; in order, at most PAIRED
    new: tuple[int, ...] = ()  # and the reverse
    pairs: tuple[tuple[int, int], ...] = ()  # of those, what stands in the place of what
    sizes: tuple[int, ...] = ()  # of each pair, how much of the newer one the older one has as well

    @property
    def grown(self) -> bool:
        """Whether nothing is different: one goes on where the other ended."""
        return not self.old and not self.new and not self.again  # which there is where the order alone is another one

    def begin(self, end: Callable[[int], int]) -> int:
        """Characters up to the first difference. ``end``: where so many blocks of the newer prompt end."""
        return end(self.blocks) + self.partly


@lru_cache(maxsize=1024)
def grown(blocks: int) -> Difference:
    """One that goes on where the other, of so many blocks, ended; or ends where the other goes on."""
    return Difference(blocks, 0, 0)


class Parted(NamedTuple):
    """Two rows of blocks from where they are no longer the same, before what is different is compared."""

    blocks: int  # with which both begin
    grown: bool  # whether one of them ends there
    gone: list[int]  # what the newer one has not behind that; in order
    fresh: list[int]  # and the older one has not


def part(old: Sequence[int], new: Sequence[int], same: int) -> Parted:
    """``old`` and ``new``: rows of blocks, which have so many in common."""
    if same in (len(old), len(new)):
        return Parted(same, True, [], [])
    return Parted(same, False, *_apart(old[same:], new[same:]))


def compare(prompts: Prompts, old: Sequence[int], new: Sequence[int], parted: Parted | None = None) -> Difference:
    """``parted``: the same two, if they were parted before."""
    same, ended, gone, fresh = parted or part(old, new, common(old, new))
    if ended:
        return grown(same)
    again = _sizes(prompts, new[same:]) - _sizes(prompts, fresh)  # of the blocks that both have
    gone, fresh = gone[:PAIRED], fresh[:PAIRED]
    pairs = _pairs(prompts, gone, fresh)
    partly = _common(prompts, old[same], new[same])
    both = tuple([(before, after) for before, after, _ in pairs])
    sizes = tuple([size for _, _, size in pairs])
    again += sum(sizes)
    if new[same] not in fresh[:1] or new[same] in [after for _, after in both[:1]]:
        again -= partly  # which was counted with all of the block
    return Difference(same, partly, max(again, 0), tuple(gone), tuple(fresh), both, sizes)


def missing(prompts: Prompts, parted: Parted) -> int:
    """Characters of the newer row that the older one has not for sure, be what is different compared or not: a block
    stands for one of its kind, and nothing with more than twice its text means the same."""
    blocks, kinds, had, has = prompts.blocks, prompts.kinds, _BySize(list), _BySize(list)
    for number in parted.gone[:PAIRED]:
        block = blocks[number]
        had[kinds[number]].append(2 * len(block.text) if block.opens else _ANY)  # others may have a head before it
    for number in parted.fresh[1:]:  # of the first one some may be the beginning of another one
        has[kinds[number]].append(blocks[number].size)
    found = 0
    for kind, sizes in has.items():
        sizes.sort(reverse=True)
        most = sorted(had.get(kind, ()), reverse=True)
        found += sum(sizes) - sum(map(min, sizes, most))  # no other pairs could have more
    return found


def goes_on(difference: Difference, rest: int, *, talk: bool) -> bool:
    """Whether it is the same conversation, or the same application's prompt, that was changed; not another one.

    ``rest``: characters behind what is the same, of the shorter prompt. ``talk``: the first difference is in a message.
    """
    if difference.grown:
        return True
    return enough(difference.again, talk=talk) and (not talk or difference.again >= LEAST * rest)


def enough(again: int, *, talk: bool) -> bool:
    """Whether so many characters that are there again can speak for it at all."""
    return again >= (_SAID if talk else _STRETCH)


def nearly(prompts: Prompts, old: Sequence[int], new: Sequence[int], difference: Difference) -> bool:
    """Whether both ask the same, but for little: a clock, an order, a word. Each block of the one stands for one of the
    other, and what is different of it is at most a tenth."""
    if difference.grown or len(old) != len(new) or len(difference.pairs) != len(difference.new):
        return False
    blocks, pairs = prompts.blocks, zip(difference.pairs, difference.sizes, strict=True)
    return all(size >= NEAR * max(blocks[before].size, blocks[after].size) for (before, after), size in pairs)


def is_near(old: Block, new: Block) -> bool:
    """Of two blocks."""
    return had(old, new) >= NEAR * max(old.size, new.size)


def common(old: Sequence[int], new: Sequence[int]) -> int:
    """Blocks with which both begin."""
    shorter = min(len(old), len(new))
    if old[:shorter] == new[:shorter]:
        return shorter
    low, high = 0, shorter  # as far as they are the same; where they no longer are
    while high - low > 1:
        middle = (low + high) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle
    return low


def _apart(old: Sequence[int], new: Sequence[int]) -> tuple[list[int], list[int]]:
    """What only the one has, and what only the other; in order. Of what occurs several times, one stands for one: left
    over are the last ones."""
    had, has = set(old), set(new)
    if len(had) == len(old) and len(has) == len(new):  # as mostly
        return [number for number in old if number not in has], [number for number in new if number not in had]
    left, fresh = Counter(old), []
    for number in new:
        if left[number]:
            left[number] -= 1
        else:
            fresh.append(number)
    gone = []
    for number in reversed(old):
        if left[number] > 0:
            left[number] -= 1
            gone.append(number)
    return gone[::-1], fresh


def _sizes(prompts: Prompts, row: Sequence[int]) -> int:
    blocks = prompts.blocks
    return sum([blocks[number].size for number in row])


def _common(prompts: Prompts, old: int, new: int) -> int:
    """Characters with which both blocks begin; none if they are of another role."""
    if prompts.kinds[old] != prompts.kinds[new]:
        return 0
    return min(alike(prompts.blocks[old], prompts.blocks[new]).first, prompts.blocks[new].size)


def _pairs(prompts: Prompts, old: Sequence[int], new: Sequence[int]) -> list[tuple[int, int, int]]:
    """What stands in the place of what, and how many characters of it were there: tools by name, others by role. The
    same text first, which may begin a message in one of both only; else by order, and messages only if they are alike.
    """
    blocks, kinds, meanings = prompts.blocks, prompts.kinds, prompts.meanings
    waiting: dict[tuple[str, str], list[int]] = {}  # those of the older prompt that nothing stands for yet, by kind
    for number in old:
        waiting.setdefault(kinds[number], []).append(number)
    found = []
    for number in new:
        row = waiting.get(kinds[number])
        if not row:
            continue
        block = blocks[number]
        place = _place(prompts, row, block) if len(row) > 1 else 0
        before = row[place]
        if block.tier == "tools" and meanings[before] == meanings[number]:
            size = block.size
        else:
            size = had(blocks[before], block)
        if block.tier != "messages" or _is_same(blocks[before], block, size):
            del row[place]
            found.append((before, number, size))
    return found


def _place(prompts: Prompts, row: Sequence[int], block: Block) -> int:
    """Of several of its kind, that of the one with the same text; if none has it, of the first. One that begins a
    message, or does not, as this one does has another text, or it would be the same block."""
    for place, number in enumerate(row):
        other = prompts.blocks[number]
        if other.opens != block.opens and other.said == block.said:
            return place
    return 0


def _is_same(old: Block, new: Block, again: int) -> bool:
    """Whether a message is the other one, changed. Two images are."""
    if old.is_image and new.is_image:
        return True
    return again - new.head >= LEAST * (new.size - new.head)
