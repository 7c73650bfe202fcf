"""What the ledger adds up to: plain values, no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from everwarm.ledger.findings import Found
from everwarm.ledger.record import Row

MODEL_KINDS = ("miss", "bypass", "failed")
"""Kinds of requests that were sent to a model. The others: "hit", "joined", and "refused" (an error before that)."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over requests of one model and one kind."""

    requests: int = 0
    first: float = 0.0  # when the first of them arrived, seconds since 1970
    prompt: int = 0
    output: int = 0
    prefixed: int = 0  # requests with a cached prefix
    cached: int = 0  # their prompt tokens taken from a KV cache
    saved_ms: float = 0.0
    prefilled: int = 0  # prompt tokens computed in requests that say how long that took,
    prefill_ms: float = 0.0  # and how long it took

    def __add__(self, other: Tally) -> Tally:
        both = self.requests and other.requests
        return Tally(
            requests=self.requests + other.requests,
            first=min(self.first, other.first) if both else self.first or other.first,
            prompt=self.prompt + other.prompt,
            output=self.output + other.output,
            prefixed=self.prefixed + other.prefixed,
            cached=self.cached + other.cached,
            saved_ms=self.saved_ms + other.saved_ms,
            prefilled=self.prefilled + other.prefilled,
            prefill_ms=self.prefill_ms + other.prefill_ms,
        )


class Quantiles(NamedTuple):
    """Of ``n`` durations in milliseconds, by nearest rank. Zeros where n is 0."""

    n: int
    p50: float
    p95: float


class Latency(NamedTuple):
    """To the last byte, and to the first."""

    total: Quantiles
    ttft: Quantiles


@dataclass(frozen=True, slots=True)
class Sums:
    """One namespace's requests (None: everybody's) that arrived from ``since`` on."""

    namespace: str | None
    since: float  # seconds since 1970: as asked for, else when the first arrived; equals until if there is nothing
    until: float
    tallies: Mapping[tuple[str, str], Tally]  # (model, kind)
    hit: Latency  # over the newest requests only (book.LATENCY_ROWS)
    miss: Latency
    recent: Sequence[Row]  # the newest, newest first
    findings: Sequence[Found] = ()  # of the layout engine, those that cost most first; of these days, not of ``since``

    def of(self, *kinds: str) -> Tally:
        """All models' requests of these kinds; of all kinds, if none is named."""
        total = Tally()
        for (_, kind), tally in self.tallies.items():
            if not kinds or kind in kinds:
                total += tally
        return total


def quantiles(values: Sequence[float]) -> Quantiles:
    """By nearest rank: p95 is the smallest value that at least 95 % do not exceed."""
    if not values:
        return Quantiles(0, 0.0, 0.0)
    ranked = sorted(values)
    return Quantiles(len(ranked), ranked[ceil(0.50 * len(ranked)) - 1], ranked[ceil(0.95 * len(ranked)) - 1])


def latency(durations: Sequence[tuple[float, float]]) -> Latency:
    """Of (total, ttft) pairs in milliseconds."""
    return Latency(quantiles([total for total, _ in durations]), quantiles([ttft for _, ttft in durations]))
