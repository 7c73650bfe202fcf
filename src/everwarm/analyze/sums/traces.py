"""Traces of hashed blocks, from readers to the report.

A request is kept as three numbers, 20 bytes: when it was, where its row ends, and its tokens. So requests may come in
any order, in several files, and are put in the order of time when all were read.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from math import nan
from operator import gt
from typing import Final, NamedTuple

from everwarm.analyze.formats.hashes import Asked
from everwarm.analyze.reading.record import Unread
from everwarm.analyze.report import Trace
from everwarm.core.analysis.reuse import WAITS, Request, Reuse
from everwarm.core.analysis.runs import Paths, Runs

SHARES: Final = (0.5, 0.9, 0.99)
"""Of what an unlimited cache has, for which it is told how large a cache must be."""


class Taken(NamedTuple):
    """Of one source."""

    requests: int
    unread: int
    first: Unread | None  # of those


class Traces:
    """All that were read, by name."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], _Kept] = {}  # blocks of two sizes have nothing in common

    def take(self, name: str, read: Iterable[Asked | Unread], note: str = "") -> Taken:
        """Take in what a reader gives, as part of the trace of this name."""
        requests, unread = 0, 0
        first: Unread | None = None
        for each in read:
            if isinstance(each, Asked):
                requests += 1
                self._of(name, each.size, note).add(each)
            else:
                unread += 1
                first = first or each
        return Taken(requests, unread, first)

    def traces(self, capacities: Iterable[int] | None = None) -> Iterator[Trace]:
        """Each as the report has it; then it is forgotten. ``capacities``: tokens of caches, not the usual ones."""
        asked = None if capacities is None else sorted(capacities)
        for name, size in list(self._kept):
            yield _trace(name, size, self._kept.pop((name, size)), asked)

    def _of(self, name: str, size: int, note: str) -> _Kept:
        kept = self._kept.get((name, size))
        if kept is None:
            kept = self._kept[name, size] = _Kept(note)
        return kept


class _Kept:
    """The requests of one trace."""

    def __init__(self, note: str) -> None:
        self._runs = Runs()
        self.note = note
        self.timed = True  # whether all have a time
        self._times = array("d")
        self._ends = array("I")
        self._tokens = array("Q")

    def add(self, asked: Asked) -> None:
        self.timed = self.timed and asked.at is not None
        self._times.append(nan if asked.at is None else asked.at)
        self._ends.append(self._runs.add(asked.row, asked.scope))
        self._tokens.append(asked.tokens)

    def paths(self) -> Paths:
        """All rows. Nothing is added any more: their hashes are forgotten."""
        paths, self._runs = self._runs.paths, Runs()
        return paths

    def requests(self) -> Iterator[Request]:
        """In the order of time; in the order of the files if one has no time."""
        times = self._times
        order: Iterable[int] = range(len(times))
        if self.timed and any(map(gt, times, islice(times, 1, None))):
            order = sorted(order, key=times.__getitem__)
        for each in order:
            yield Request(self._ends[each], self._tokens[each], times[each] if self.timed else 0.0)


def _trace(name: str, size: int, kept: _Kept, capacities: list[int] | None) -> Trace:
    paths = kept.paths()
    found = Reuse(paths, size, kept.requests())
    untimed = "" if kept.timed else "Not all requests have a time, so they are taken in the order of the files. "
    waits = zip((*WAITS[:-1], None), found.waits, strict=True)
    return Trace(
        name=name,
        requests=found.requests,
        tokens=found.tokens,
        size=size,
        blocks=paths.blocks,
        unlimited=found.unlimited,
        curve=found.curve(capacities),
        needed=[(share, found.needed(share)) for share in SHARES],
        ttl=found.ttl() if kept.timed else [],
        waits=list(waits) if kept.timed else [],
        note=(untimed + kept.note).rstrip(),
    )
