"""By what each prefix was used last, at a cost that does not grow with the length of a conversation."""

from __future__ import annotations

from collections.abc import Sequence


class Uses:
    """Numbers, each higher than the one before. Prefixes that were always used together are one *stretch*, of which
    the last use is kept once: who uses a prefix uses all that it begins with."""

    def __init__(self, parent: Sequence[int]) -> None:
        """``parent``: of every prefix that without its last block, by its number; it grows."""
        self._parent = parent
        self.known: dict[int, int] = {}  # prefix -> its stretch
        self._uses = [-1]  # by stretch. The first one is that of the empty prefix, which is not told of
        self._before = [0]  # the one that it follows
        self._ends = [0]  # its last prefix
        self._followed = [True]  # whether others follow it; else it grows

    def of(self, prefix: int) -> int:
        """The last use of one that is known."""
        return self._uses[self.known[prefix]]

    def note(self, path: Sequence[int], known: int, use: int) -> None:
        """``path``: prefixes, the shortest first, of which so many are known."""
        uses, before = self._uses, self._before
        at = self._ending(path[known - 1]) if known else 0
        if known < len(path):
            if self._followed[at]:
                at = self._new(at, path[-1], followed=False)
            self._ends[at] = path[-1]
            for prefix in path[known:]:
                self.known[prefix] = at
        while at:
            uses[at] = use
            at = before[at]

    def _ending(self, prefix: int) -> int:
        """The stretch that ends with a prefix; the one that has it is parted if it does not."""
        at = self.known[prefix]
        if self._ends[at] == prefix:
            return at
        first = self._new(self._before[at], prefix, followed=True)
        self._uses[first] = self._uses[at]
        self._before[at] = first
        while self.known.get(prefix) == at:
            self.known[prefix] = first
            prefix = self._parent[prefix]
        return first

    def _new(self, before: int, end: int, *, followed: bool) -> int:
        self._uses.append(-1)
        self._before.append(before)
        self._ends.append(end)
        self._followed.append(followed)
        return len(self._uses) - 1
