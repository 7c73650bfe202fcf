"""s04: how long an answer takes tells a tenant nothing of what others have asked.

250 prompts that another tenant has asked, and 250 that nobody has, each probed once. The two-sample Kolmogorov-Smirnov
test finds no difference (p >= 0.001) in the times of a stranger, and finds one (p < 1e-6) in those of the tenant that
asked them: the power check. Chance alone fails the first one time in a thousand, so it may be tried again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from math import exp, sqrt
from random import Random
from typing import Any

import pytest

from everwarm.core.key import Namespace

PROBES = 250
LENGTH = 400  # tokens: a cold prompt takes some milliseconds on the tiny model
TRIES = 3


def p_value(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Of the two-sample Kolmogorov-Smirnov test, asymptotic (Kolmogorov 1933)."""
    distance = 0.0
    for x in [*ours, *theirs]:
        share = (sum(o <= x for o in ours) / len(ours)) - (sum(t <= x for t in theirs) / len(theirs))
        distance = max(distance, abs(share))
    size = sqrt(len(ours) * len(theirs) / (len(ours) + len(theirs)))
    scaled = (size + 0.12 + 0.11 / size) * distance
    return min(1.0, max(0.0, 2 * sum((-1) ** (k - 1) * exp(-2 * (k * scaled) ** 2) for k in range(1, 101))))


def test_the_test_itself() -> None:
    random = Random(1)
    same = [random.gauss(0, 1) for _ in range(250)]
    assert p_value(same, [random.gauss(0, 1) for _ in range(250)]) > 0.01
    assert p_value(same, [random.gauss(1, 1) for _ in range(250)]) < 1e-6


@pytest.fixture
def probed(tiny: Any, request_of: Callable[..., Any], collect: Any) -> Callable[..., float]:
    """``probed(asker, prober)``: the p-value between the times of what ``asker`` has asked and of what nobody has."""
    random = Random(7)

    def prompt() -> Any:
        return request_of("".join(random.choices("abcdefgh", k=LENGTH)), temperature=0, max_tokens=1)

    async def timed(request: Any, namespace: Namespace) -> float:
        started = time.perf_counter()
        await collect(tiny, request, namespace)
        return time.perf_counter() - started

    async def probe(asker: Namespace, prober: Namespace) -> float:
        asked, unasked = [], []
        for _ in range(PROBES):
            known, new = prompt(), prompt()
            await collect(tiny, known, asker)
            for request, times in random.sample([(known, asked), (new, unasked)], 2):
                times.append(await timed(request, prober))
        return p_value(asked, unasked)

    return lambda asker, prober: asyncio.run(probe(asker, prober))


def test_a_stranger_learns_nothing_and_the_tenant_gains(probed: Callable[..., float]) -> None:
    mine, other = Namespace("1" * 32), Namespace("2" * 32)
    assert probed(mine, mine) < 1e-6
    assert any(probed(mine, other) >= 0.001 for _ in range(TRIES))
