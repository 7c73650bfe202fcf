"""A short measurement at the first start: how many threads, how much of a prompt at once, what a step costs.

The least of several times is taken, and what is compared takes turns: what else runs on the machine makes steps slower
now and then, and never faster. Where others compute all the time nothing can be measured: the model runs with all CPUs
and what fits most machines, until the next start.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import NamedTuple

from everwarm.core.trust import MEASURED
from everwarm.engine import runtime
from everwarm.engine.crowd import crowded
from everwarm.engine.measured import Measured
from everwarm.engine.model import PagedModel, Span
from everwarm.engine.packaged import Progress
from everwarm.engine.settings import Settings
from everwarm.engine.steps import ALONE, CHUNK, MOST_ROWS
from everwarm.engine.weights import Weights

ROWS = (1, 4, 8, 16, MOST_ROWS)
"""Of the decode steps that are timed."""

ROUNDS = (2, 6)
"""How often each step is timed: at least, for the first time OpenVINO chooses its kernels; and at most."""

SECONDS = 2.0
"""After which no further round begins, of prompts or of decoding."""

LONGEST = 1.0
"""Seconds of a step: a larger piece of a prompt is not computed at once, if there is a smaller one."""

FEWER = 0.95
"""One thread fewer than there are CPUs is chosen if it takes no more than this part of the time."""

GUESS = Measured("", 0, 256, 0.002, {rows: 0.02 * MEASURED(rows) for rows in ROWS})
"""Before it has been measured."""

WHAT = "loading and measuring the model"

Load = Callable[[int], PagedModel]
"""Loads the model for so many threads."""


def conditions(ready: Weights, settings: Settings) -> str:
    """All that a measurement holds for."""
    machine = f"{runtime.processor()}, {runtime.available_cpus()} CPUs"
    chosen = f"{settings.mode} {settings.kv_precision} {settings.threads or 'any'} threads"
    return f"{machine}; {ready.fingerprint} {chosen}"


class Outcome(NamedTuple):
    """What came of it."""

    model: PagedModel  # loaded, with the best number of threads
    measured: Measured
    calm: bool  # whether it is worth keeping: nobody else computed meanwhile


def measure(load: Load, of: str, settings: Settings, progress: Progress) -> Outcome:
    """Load the model and measure it: some seconds for a small one, and none where others compute."""
    progress(WHAT, 0.0)
    cpus = runtime.available_cpus()
    if crowded(cpus):
        model = load(settings.threads or cpus)
        outcome = Outcome(model, replace(GUESS, of=of, threads=model.threads), calm=False)
    else:
        outcome = _best(load, of, settings, progress)
    progress(WHAT, 1.0)
    return outcome


def row_seconds(model: PagedModel) -> float:
    """Of a step of one row: the least of two, of which the first one is slow."""
    row = Span((0,), CHUNK, _blocks(model, CHUNK + 1), (0,))
    return _least({1: partial(model.step, [row])}, 0.0)[1]


def _best(load: Load, of: str, settings: Settings, progress: Progress) -> Outcome:
    candidates = _threads(settings)
    seen: list[Measured] = []
    for threads in candidates:
        progress(WHAT, len(seen) / len(candidates))
        model = load(threads)
        seen.append(_times(model, of, settings))
        if threads != candidates[-1]:
            del model  # of large ones there is memory for one at a time
    calm = not crowded(runtime.available_cpus())
    fewer, best = seen[0], seen[-1]
    if calm and _typical(fewer) < FEWER * _typical(best):
        best = fewer
    if best.threads != model.threads:
        del model
        model = load(best.threads)
    return Outcome(model, best, calm)


def _threads(settings: Settings) -> list[int]:
    """What may be tried. They change the last bits of what is decoded, so in mode "exact" nothing is tried."""
    cpus = runtime.available_cpus()
    if settings.threads or settings.mode == "exact" or cpus == 1:
        return [settings.threads or cpus]
    return [cpus - 1, cpus]


def _times(model: PagedModel, of: str, settings: Settings) -> Measured:
    sizes = [CHUNK] if settings.mode == "exact" else [n for n in ALONE if n <= model.pool.blocks * model.pool.size]
    tokens = {size: seconds / size for size, seconds in _prompts(model, sizes).items()}
    chunk = min(tokens, key=lambda size: tokens[size])
    return Measured(of, model.threads, chunk, tokens[chunk], _least(_decodes(model), SECONDS))


def _typical(seen: Measured) -> float:
    """Seconds of an answer of 64 tokens to a prompt of 512."""
    return 512 * seen.token + 64 * seen.steps[1]


def _prompts(model: PagedModel, sizes: Sequence[int]) -> dict[int, float]:
    """Seconds of a step of so many tokens of a prompt, for those ``sizes`` that take no longer than they may."""
    steps = {size: partial(model.step, [Span((0,) * size, 0, _blocks(model, size), (size - 1,))]) for size in sizes}
    first = sizes[0]
    token = _least({first: steps[first]}, 0.0)[first] / first
    return _least({size: step for size, step in steps.items() if size in (first, *_short(sizes, token))}, SECONDS)


def _short(sizes: Sequence[int], token: float) -> list[int]:
    return [size for size in sizes if size * token <= LONGEST]


def _decodes(model: PagedModel) -> dict[int, Callable[[], object]]:
    """Steps of so many rows. All of them may write to one place, for nobody will read it."""
    row = Span((0,), CHUNK, _blocks(model, CHUNK + 1), (0,))
    return {rows: partial(model.step, [row] * rows) for rows in ROWS}


def _blocks(model: PagedModel, tokens: int) -> range:
    """Blocks for so many tokens. Their content does not matter: nobody has them yet."""
    return range(1, -(-tokens // model.pool.size) + 1)


def _least(steps: Mapping[int, Callable[[], object]], seconds: float) -> dict[int, float]:
    """The least time that each of ``steps`` took, in turns."""
    least = dict.fromkeys(steps, inf)
    until = time.perf_counter() + seconds
    for round_ in range(ROUNDS[1]):
        if round_ >= ROUNDS[0] and time.perf_counter() > until:
            break
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            least[name] = min(least[name], time.perf_counter() - started)
    return least
