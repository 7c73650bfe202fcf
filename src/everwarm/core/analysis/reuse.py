"""What of a trace was there before: how much of it caches of all sizes would have had, and after how long."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
from typing import Final, NamedTuple

from everwarm.core.analysis.recency import Found, Recency
from everwarm.core.analysis.runs import Paths

WAITS: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0, float("inf"))
"""Seconds between two uses, by which reuse is counted: up to and with each."""

SERIES: Final = (1, 2, 5)
"""Sizes of caches that are shown, times powers of ten."""

PIECE: Final = 1 << 16


class Request(NamedTuple):
    """One of a trace."""

    end: int  # the node that its row ends with
    tokens: int  # of its prompt: the last block may be shorter than others; what they have beyond the row is new
    at: float  # seconds


class Reuse:
    """Of requests in the order of time. ``size``: tokens of a block. 8 bytes for each block that is used between two
    uses of another one, where these are most."""

    def __init__(self, paths: Paths, size: int, requests: Iterable[Request]) -> None:
        self.size = size
        self.requests = self.tokens = self.known = 0
        self.waits = [0] * len(WAITS)  # tokens that were used again, by how long after: see ``WAITS``
        self._read = array("q", (0, 0, 0))  # tokens, by the blocks that a cache holds; of larger ones the last
        recency = Recency(paths)
        for request in requests:
            self._count(request.tokens, recency.use(request.end, request.at))
        _sum(self._read)
        _sum(self._read)

    def read(self, capacity: int) -> int:
        """Tokens that a cache of so many tokens would have had."""
        return self._read[min(capacity // self.size, len(self._read) - 1)]

    def rate(self, capacity: int) -> float:
        """The same as a part of all tokens: 0 to 1."""
        return self._part(self.read(capacity))

    @property
    def unlimited(self) -> float:
        """The same of a cache that keeps everything."""
        return self._part(self.known)

    def curve(self, capacities: Iterable[int] | None = None) -> list[tuple[int, float]]:
        """Tokens that a cache holds, and its rate. By default sizes from one request's to all that can be had."""
        return [(capacity, self.rate(capacity)) for capacity in capacities or self._capacities()]

    def ttl(self) -> list[tuple[float, float]]:
        """Seconds that a block lives since its last use, and the rate: each of ``WAITS`` but the last."""
        lives = zip(WAITS, accumulate(self.waits), strict=True)
        return [(seconds, self._part(known)) for seconds, known in lives][:-1]

    def needed(self, share: float) -> int:
        """The tokens of the smallest cache that has this share of what an unlimited one has."""
        return bisect_left(self._read, share * self.known) * self.size

    def _part(self, tokens: int) -> float:
        return tokens / self.tokens if self.tokens else 0.0

    def _count(self, tokens: int, found: list[Found]) -> None:
        """A request. While requests are counted, ``_read`` has the differences of the differences of what it will."""
        size, gains, begin = self.size, self._read, 0
        self.requests += 1
        self.tokens += tokens
        for blocks, above, wait in found:
            reused = blocks * size
            if begin + reused > tokens:
                reused = max(tokens - begin, 0)
            begin += blocks * size
            self.known += reused
            self.waits[bisect_left(WAITS, wait)] += reused
            whole, part = divmod(reused, size)
            if above + whole + 2 >= len(gains):
                gains.frombytes(bytes(8 * (above + whole + 3)))  # twice as long, at least
            gains[above + 1] += size
            gains[above + 1 + whole] += part - size
            if part:
                gains[above + 2 + whole] -= part

    def _capacities(self) -> Iterator[int]:
        least, most = self.tokens // max(self.requests, 1), self.needed(1.0)
        before = 0
        for capacity in (step * 10**power for power in range(20) for step in SERIES):
            if capacity >= least and before < most:
                yield capacity
            before = capacity


def _sum(numbers: array[int]) -> None:
    """Each becomes the sum of those up to it. In pieces, as there may be very many."""
    total = 0
    for at in range(0, len(numbers), PIECE):
        numbers[at : at + PIECE] = array("q", islice(accumulate(numbers[at : at + PIECE], initial=total), 1, None))
        total = numbers[min(at + PIECE, len(numbers)) - 1]
