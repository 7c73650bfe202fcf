"""The parts of an engine, put together for one model and one machine."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import NamedTuple

from everwarm.core.segments import SegmentStore
from everwarm.core.trust import MEASURED, Costs
from everwarm.engine import runtime
from everwarm.engine.answer import Voice
from everwarm.engine.cache import KvCache
from everwarm.engine.disk import Disk
from everwarm.engine.facts import Facts
from everwarm.engine.model import PagedModel, Span
from everwarm.engine.settings import MODES, MOST_KV, Settings
from everwarm.engine.shift import shift_of
from everwarm.engine.steps import CHUNK, PADDING, WIDTH, Steps, ToTheBit, ToTheToken
from everwarm.engine.tokens import Tokenizer
from everwarm.engine.weights import Weights
from everwarm.errors import ModelError, StoreError

Keep = Callable[[str], SegmentStore]
"""Makes the store of KV of one identity: weights, build, settings, mode. Another one never shares it."""

_log = logging.getLogger("everwarm.engine")


class Inside(NamedTuple):
    """What answers."""

    model: PagedModel
    cache: KvCache
    steps: Steps
    voice: Voice
    facts: Facts
    costs: Costs  # of a step by its rows

    def below(self, keep: Keep, identity: str, nudge: Callable[[], None]) -> Disk | None:
        """Put a disk under the pool, with what is on it; None, and a line of log, if there can be none."""
        disk = Disk(keep(identity), self.cache.tree, self.model.pool, nudge)
        try:
            disk.kept.load(self.cache.clock())
        except StoreError as error:
            _log.warning("%s", error.message)
            return None
        self.cache.tier = disk
        return disk


def assemble(ready: Weights, context: int, settings: Settings) -> Inside:
    """All of it, warmed up. ``context``: tokens that the pool must hold at least. ``ModelError`` for the operator."""
    if settings.mode not in MODES:
        raise ModelError(f"engine.mode is {settings.mode!r}; it can be {' or '.join(MODES)}")
    memory = settings.kv_bytes or min(MOST_KV, _memory() // 8)
    threads = settings.threads or runtime.available_cpus()
    model = PagedModel(ready.folder, context=context, memory=memory, threads=threads)
    steps = _steps(model, settings)
    cache = KvCache(model.pool, steps.reuse, time.monotonic)
    if settings.mode == "fast":
        cache.shift = shift_of(model)
    facts = ready.facts
    voice = Voice(Tokenizer(ready.folder, facts), frozenset(facts.ends), len(facts.tokens))
    return Inside(model, cache, steps, voice, facts, _costs(steps))


def _steps(model: PagedModel, settings: Settings) -> Steps:
    """The mode's steps, of which the model has done some: half a second that the first answer would wait."""
    blocks = tuple(range(1, CHUNK // model.pool.size + 2))  # their content does not matter: nobody has them yet
    model.step([Span((0,) * CHUNK, 0, blocks, (CHUNK - 1,))])
    if settings.mode == "fast":
        model.step([Span((0,), CHUNK, blocks, (0,))])
        return ToTheToken(settings.parallel)
    if not _rows_are_independent(model, blocks):
        raise ModelError("on this processor an answer depends on what else is computed; use engine.mode = 'fast'")
    return ToTheBit()


def _costs(steps: Steps) -> Costs:
    return MEASURED if isinstance(steps, ToTheToken) else lambda rows: 1.0  # rows that would else be padding


def _rows_are_independent(model: PagedModel, blocks: tuple[int, ...]) -> bool:
    """Whether a row of an exact step gives the same bits in every place, and beside anything."""
    elsewhere = tuple(block + len(blocks) for block in blocks)
    row = Span((7,), CHUNK, blocks, (0,))
    others = [Span((i,), CHUNK - 5 * i, elsewhere, ()) for i in range(1, WIDTH)]
    alone = model.step([row, *[PADDING] * (WIDTH - 1)]).copy()
    places = (model.step([*others[:i], row, *others[i:]]) for i in range(WIDTH))
    return all((logits == alone).all() for logits in places)


def _memory() -> int:
    """Bytes of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
