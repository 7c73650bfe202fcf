"""Whether others compute on this machine: then what is measured now says little about later."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

MOMENT = 0.1
"""Seconds of work in each thread."""

SHARE = 0.8
"""Of its CPU: who gets less has to share it."""

_WORK = bytes(1 << 20)  # a millisecond's, without the interpreter's lock


def crowded(cpus: int) -> bool:
    """As many threads as we may use CPUs work for a moment: whether they have to share them with others."""
    with ThreadPoolExecutor(cpus) as threads:
        shares = list(threads.map(lambda _: _share(), range(cpus)))
    return sum(shares) / cpus < SHARE


def _share() -> float:
    """What part of a moment this thread was computing."""
    started, computed = time.perf_counter(), time.thread_time()
    while time.perf_counter() - started < MOMENT:
        hashlib.blake2b(_WORK).digest()
    return (time.thread_time() - computed) / (time.perf_counter() - started)
