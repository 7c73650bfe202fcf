"""By what each prefix was used last, at a cost that does not grow with the length of a conversation."""

from __future__ import annotations

from collections.abc import Sequence


class Uses:
    """Numbers, each higher than the one before. Prefixes that were always used together are one *stretch*, of which
    the last use is kept once: who uses a prefix uses all that it begins with."""

    def __init__(self) -> None:
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
        at = self._ending(path, known) if known else 0
        if known < len(path):
            if self._followed[at]:
                at = self._new(at, path[-1], followed=False)
            self._ends[at] = path[-1]
            for prefix in path[known:]:
                self.known[prefix] = at
        while at:
            uses[at] = use
            at = before[at]

    def copy(self) -> Uses:
        """One that is told of other prefixes from now on."""
        made = Uses()
        made.known = dict(self.known)
        made._uses, made._before = self._uses[:], self._before[:]
        made._ends, made._followed = self._ends[:], self._followed[:]
        return made

    def _ending(self, path: Sequence[int], known: int) -> int:
        """The stretch that ends with the last one that is known; the one that has it is parted if it does not."""
        prefix = path[known - 1]
        at = self.known[prefix]
        if self._ends[at] == prefix:
            return at
        first = self._new(self._before[at], prefix, followed=True)
        self._uses[first] = self._uses[at]
        self._before[at] = first
        while known and self.known[path[known - 1]] == at:
            known -= 1
            self.known[path[known]] = first
        return first

    def _new(self, before: int, end: int, *, followed: bool) -> int:
        self._uses.append(-1)
        self._before.append(before)
        self._ends.append(end)
        self._followed.append(followed)
        return len(self._uses) - 1
