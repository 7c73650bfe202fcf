"""KV in f16 and in u8: what a prefix gives does not depend on what came behind it, or on who computed it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from everwarm.engine.engine import Engine
from everwarm.engine.model import KV_PRECISIONS, PagedModel, Span
from everwarm.engine.pool import BLOCK
from everwarm.errors import ModelError

SHARED = 37  # tokens: one block, and a part of the next
END = 60

Ask = Callable[..., Any]
Make = Callable[..., Any]


def prompt(seed: int, first: list[int] | None = None) -> list[int]:
    made = np.random.default_rng(seed).integers(3, 200, END).tolist()
    return [*(first or []), *made[len(first or []) :]]


@pytest.fixture(scope="module", params=sorted(KV_PRECISIONS))
def model(request: pytest.FixtureRequest, tiny_weights: Any) -> PagedModel:
    return PagedModel(tiny_weights.folder, context=512, memory=0, threads=1, kv=request.param)


def logits(model: PagedModel, tokens: list[int], blocks: list[int], start: int = 0) -> bytes:
    """Of what follows ``tokens``, computed in two steps from 0, or in the second of them from ``SHARED``."""
    if start == 0:
        model.step([Span(tokens[:SHARED], 0, blocks[:2], ())])
    return bytes(model.step([Span(tokens[SHARED:], SHARED, blocks, (END - SHARED - 1,))]).tobytes())


def test_a_copied_part_of_a_block_is_as_good_as_computed(model: PagedModel) -> None:
    ours, theirs, cold = [1, 2], [3, 4], [5, 6]
    first = prompt(1)
    logits(model, first, ours)
    other = prompt(2, first[:SHARED])
    model.pool.copy(ours[1], theirs[1])  # behind the shared tokens it holds our own
    warm = logits(model, other, [ours[0], theirs[1]], start=SHARED)
    assert warm == logits(model, other, cold)
    assert warm != logits(model, first, cold)


def test_refused_drafts_leave_no_trace(model: PagedModel) -> None:
    tokens = prompt(3)
    plain = logits(model, tokens, [1, 2])
    model.step([Span(tokens[:SHARED], 0, [3, 4], ())])
    model.step([Span([tokens[SHARED], *[199] * 20], SHARED, [3, 4], (0,))])  # guesses that were wrong
    assert logits(model, tokens, [3, 4], start=SHARED) == plain


def test_a_block_has_as_many_tokens_in_either(model: PagedModel) -> None:
    assert model.pool.size == BLOCK


def test_u8_takes_less_and_is_another_model(engine_in: Callable[..., Engine]) -> None:
    f16, u8 = engine_in("fast"), engine_in("fast", kv_precision="u8")
    assert u8.inside.model.pool.bytes < 0.7 * f16.inside.model.pool.bytes
    assert u8.models()[0].fingerprint != f16.models()[0].fingerprint


@pytest.mark.parametrize("mode", ["fast", "exact"])
def test_warm_text_is_cold_text_in_u8(engine_in: Callable[..., Engine], ask: Ask, request_of: Make, mode: str) -> None:
    request = request_of("he t" * 80, temperature=0, max_tokens=40)
    engine = engine_in(mode, kv_precision="u8")
    cold, warm = ask(engine, request), ask(engine, request)
    assert cold.prefilled.cached == 0 < warm.prefilled.cached
    assert warm.text == cold.text


def test_another_precision_is_refused(engine_in: Callable[..., Engine]) -> None:
    with pytest.raises(ModelError, match=r"engine\.kv_precision is 'u4'; it can be f16 or u8"):
        engine_in("fast", kv_precision="u4")
