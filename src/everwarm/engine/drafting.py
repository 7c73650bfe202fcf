"""From the setting ``engine.draft`` to a draft model that runs."""

from __future__ import annotations

from pathlib import Path

from everwarm.core.pace import Pace
from everwarm.core.trust import Costs
from everwarm.engine import weights
from everwarm.engine.draft_model import DraftModel
from everwarm.engine.facts import require_same_vocabulary
from everwarm.engine.measure import row_seconds
from everwarm.engine.measured import Measured
from everwarm.engine.memory import draft_memory
from everwarm.engine.model import PagedModel
from everwarm.engine.packaged import ALIASES, Progress
from everwarm.engine.proposer import NoProposer, Proposer
from everwarm.engine.settings import Settings
from everwarm.engine.steps import WIDTH
from everwarm.engine.weights import Weights
from everwarm.errors import ModelError


def prepare(settings: Settings, model: Weights, data: Path, secret: bytes, progress: Progress) -> Weights | None:
    """As ``weights.prepare``; None if there is to be no draft model. ``ModelError`` too if it cannot draft for
    ``model``."""
    if not settings.draft:
        return None
    try:
        draft = weights.prepare(_source(settings), data, secret, progress)
        require_same_vocabulary(model.facts, draft.facts)
    except ModelError as error:
        raise _blamed(error) from error
    return draft


def find(settings: Settings, model: Weights, data: Path, secret: bytes) -> Weights | None:
    """The same if nothing has to be converted for it, else ``ModelError``."""
    if not settings.draft:
        return None
    try:
        draft = weights.find(_source(settings), data, secret)
        if draft is None:
            raise ModelError("the model has not been converted yet: start `everwarm serve` with it once")
        require_same_vocabulary(model.facts, draft.facts)
    except ModelError as error:
        raise _blamed(error) from error
    return draft


def proposer(
    draft: Weights | None, model: PagedModel, vocabulary: int, context: int, settings: Settings, measured: Measured
) -> Proposer:
    """``draft``, loaded. It runs with the threads of ``model``, and is timed now and whenever it guesses."""
    if draft is None:
        return NoProposer()
    context = min(context, draft.facts.context)
    memory, kv = draft_memory(settings), settings.kv_precision
    try:
        small = PagedModel(draft.folder, context=context, memory=memory, threads=model.threads, kv=kv)
    except ModelError as error:
        raise _blamed(error) from error
    own = Pace(measured.costs, row_seconds(small))
    return DraftModel(small, context, vocabulary, _pace(settings, measured), own)


def costs(settings: Settings, measured: Measured) -> Costs:
    """Of a step of the model by its rows. In mode "exact" drafts stand in rows that would else be padding."""
    return measured.costs if settings.mode == "fast" else lambda rows: 1.0


def _pace(settings: Settings, measured: Measured) -> Pace:
    rows = 1 if settings.mode == "fast" else WIDTH
    return Pace(costs(settings, measured), measured.costs(rows) * measured.steps[1])


def _source(settings: Settings) -> Path | None:
    """None: the packaged model, which may be one that a larger sibling can use."""
    return None if settings.draft in ALIASES else Path(settings.draft)


def _blamed(error: ModelError) -> ModelError:
    return ModelError(f"engine.draft: {error.message}")
