"""What can be told of a model without loading it: from its files, the settings, and what was measured of it here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from everwarm.engine import assemble, drafting, measured, weights
from everwarm.engine.facts import room
from everwarm.engine.measure import conditions
from everwarm.engine.measured import Measured
from everwarm.engine.memory import draft_memory, pool_memory
from everwarm.engine.model import KV_PRECISIONS
from everwarm.engine.network import Network, read_network
from everwarm.engine.pool import BLOCK, blocks_of
from everwarm.engine.settings import Settings
from everwarm.engine.steps import CHUNK, WIDTH
from everwarm.engine.weights import Weights
from everwarm.errors import ModelError

TOGETHER = (1, 8, 16)
"""Answers at a time whose speed is told."""

About = dict[str, Any]


def about(source: Path | None, data: Path, secret: bytes, settings: Settings, disk: int) -> About:
    """Facts, settings in force and speeds. ``disk``: bytes of the KV cache's share of the disk, 0 for none.

    ``ModelError`` if there is no such model, or if it has not been converted yet. ``measured`` is None before the first
    start with these settings.
    """
    ready = weights.find(source, data, secret)
    if ready is None:
        named = f" --model {source}" if source else ""
        raise ModelError(f"the model has not been converted yet: start it once with `everwarm serve{named}`")
    assemble.require(settings)
    context = room(ready.facts, settings.context)
    draft = drafting.find(settings, ready, data, secret)
    network = read_network(ready.folder)
    known = measured.load(ready.beside, secret, conditions(ready, settings))
    return {
        "model": ready.id,
        "architecture": ready.facts.architecture,
        "folder": str(ready.folder),
        "context": context,
        "vocabulary": len(ready.facts.tokens),
        "weights": dict(network.weights),
        "kv": _kv(network, context, settings, disk),
        "draft": None if draft is None else _draft(draft, context, settings),
        "mode": settings.mode,
        "threads": known.threads if known else settings.threads,
        "measured": None if known is None else _speeds(known),
        "features": _features(ready, draft, settings, disk),
    }


def _kv(network: Network, context: int, settings: Settings, disk: int) -> About:
    size = network.token_bytes(settings.kv_precision)
    memory = pool_memory(settings)
    return {
        "precision": settings.kv_precision,
        "bytes_a_token": {precision: network.token_bytes(precision) for precision in KV_PRECISIONS},
        "memory_bytes": memory,
        "memory_tokens": _tokens(memory, context, size),
        "disk_bytes": disk,
        "disk_tokens": disk // size,
    }


def _draft(draft: Weights, context: int, settings: Settings) -> About:
    size = read_network(draft.folder).token_bytes(settings.kv_precision)
    memory = draft_memory(settings)
    return {
        "model": draft.id,
        "folder": str(draft.folder),
        "memory_bytes": memory,
        "memory_tokens": _tokens(memory, min(context, draft.facts.context), size),
    }


def _tokens(memory: int, context: int, size: int) -> int:
    """That a pool holds."""
    return (blocks_of(context, memory, size * BLOCK) - 1) * BLOCK


def _speeds(known: Measured) -> About:
    return {
        "prompt_tokens_a_second": round(1 / known.token, 1),
        "prompt_tokens_at_once": known.chunk,
        "answer_tokens_a_second": {str(rows): round(known.rate(rows), 1) for rows in TOGETHER},
        "on": known.of.partition(";")[0],
    }


def _features(ready: Weights, draft: Weights | None, settings: Settings, disk: int) -> dict[str, str]:
    """What is on, and how far."""
    fast = settings.mode == "fast"
    window = ready.facts.window
    drafts = [*(["looked up"] if settings.drafts else []), *([f"by {draft.id}"] if draft else [])]
    return {
        "shared prefixes": "to the token" if fast else f"in pieces of {CHUNK} tokens",
        "answers at a time": str(settings.parallel if fast else WIDTH),
        "kept over a restart": "yes" if disk else "no: engine.kv_disk_mb is 0",
        "drafts": ", then ".join(drafts) or "no",
        "tools": "yes" if "tools" in ready.facts.chat_template else "no: the chat template does not know them",
        "sliding window": f"the context ends with it, at {window} tokens" if window else "none",
    }
