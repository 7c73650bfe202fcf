"""The parts of an engine, put together for one model and one machine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import NamedTuple

from everwarm.core.segments import SegmentStore
from everwarm.core.trust import Costs
from everwarm.engine import drafting
from everwarm.engine import measured as measured_file
from everwarm.engine.answer import Voice
from everwarm.engine.cache import KvCache
from everwarm.engine.disk import Disk
from everwarm.engine.facts import Facts
from everwarm.engine.measure import conditions, measure
from everwarm.engine.measured import Measured
from everwarm.engine.memory import pool_memory
from everwarm.engine.model import KV_PRECISIONS, PagedModel, Span
from everwarm.engine.packaged import Progress
from everwarm.engine.proposer import Proposer
from everwarm.engine.settings import MODES, Settings
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
    proposer: Proposer

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


def assemble(
    ready: Weights, draft: Weights | None, context: int, settings: Settings, secret: bytes, progress: Progress
) -> Inside:
    """All of it, warmed up; at the first start it is measured. ``context``: tokens that the pool must hold at least.

    ``ModelError`` for the operator.
    """
    require(settings)
    model, measured = _model(ready, context, settings, secret, progress)
    facts = ready.facts
    proposer = drafting.proposer(draft, model, len(facts.tokens), context, settings, measured)
    steps = _steps(model, settings, measured, proposer)
    cache = KvCache(model.pool, steps.reuse, time.monotonic)
    cache.seconds_a_token = measured.token
    if settings.mode == "fast" and settings.kv_precision == "f16":
        cache.shift = shift_of(model)
    voice = Voice(Tokenizer(ready.folder, facts), frozenset(facts.ends), len(facts.tokens))
    return Inside(model, cache, steps, voice, facts, drafting.costs(settings, measured), proposer)


def require(settings: Settings) -> None:
    """``ModelError`` for words that are none of those that may be set."""
    for name, allowed in (("mode", MODES), ("kv_precision", tuple(KV_PRECISIONS))):
        if (value := getattr(settings, name)) not in allowed:
            raise ModelError(f"engine.{name} is {value!r}; it can be {' or '.join(allowed)}")


def _model(
    ready: Weights, context: int, settings: Settings, secret: bytes, progress: Progress
) -> tuple[PagedModel, Measured]:
    """The model, as it was measured to run best; measured now, if it has not been."""
    memory = pool_memory(settings)

    def load(threads: int) -> PagedModel:
        return PagedModel(ready.folder, context=context, memory=memory, threads=threads, kv=settings.kv_precision)

    of = conditions(ready, settings)
    known = measured_file.load(ready.beside, secret, of)
    if known is not None:
        progress("loading the model", 0.0)
        model = load(known.threads)
        progress("loading the model", 1.0)
        return model, known
    model, seen, calm = measure(load, of, settings, progress)
    if not calm:
        _log.warning("other programs compute on this machine: the model is measured at the next start")
        return model, seen
    try:
        measured_file.dump(seen, ready.beside, secret)
    except OSError as error:
        _log.warning("what was measured of the model is not kept, and measured again at the next start: %s", error)
    return model, seen


def _steps(model: PagedModel, settings: Settings, measured: Measured, proposer: Proposer) -> Steps:
    """The mode's steps, of which the model has done some: half a second that the first answer would wait."""
    blocks = tuple(range(1, CHUNK // model.pool.size + 2))  # their content does not matter: nobody has them yet
    model.step([Span((0,) * CHUNK, 0, blocks, (CHUNK - 1,))])
    if settings.mode == "fast":
        model.step([Span((0,), CHUNK, blocks, (0,))])
        return ToTheToken(settings.parallel, measured.chunk, measured.token, proposer)
    if not _rows_are_independent(model, blocks):
        raise ModelError("on this processor an answer depends on what else is computed; use engine.mode = 'fast'")
    return ToTheBit(measured.token, proposer)


def _rows_are_independent(model: PagedModel, blocks: tuple[int, ...]) -> bool:
    """Whether a row of an exact step gives the same bits in every place, and beside anything."""
    elsewhere = tuple(block + len(blocks) for block in blocks)
    row = Span((7,), CHUNK, blocks, (0,))
    others = [Span((i,), CHUNK - 5 * i, elsewhere, ()) for i in range(1, WIDTH)]
    alone = model.step([row, *[PADDING] * (WIDTH - 1)]).copy()
    places = (model.step([*others[:i], row, *others[i:]]) for i in range(WIDTH))
    return all((logits == alone).all() for logits in places)
