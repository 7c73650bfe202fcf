"""Every architecture that we say can be run is converted and run, and shares its prefixes to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from converted import SECRET
from everwarm.engine.facts import ARCHITECTURES
from everwarm.engine.model import PagedModel, Span
from everwarm.engine.network import read_network
from everwarm.engine.weights import prepare

PROMPT = np.random.default_rng(4).integers(3, 250, 90).tolist()
SHARED = 64


@pytest.fixture(scope="module", params=ARCHITECTURES)
def model(
    request: pytest.FixtureRequest, make_gguf: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> PagedModel:
    data = tmp_path_factory.mktemp(request.param)
    path = make_gguf(data / "other.gguf", architecture=request.param)
    ready = prepare(path, data, SECRET, lambda what, done: None)
    assert ready.facts.architecture == request.param
    assert read_network(ready.folder).kv == ((1, 32), (1, 32))
    return PagedModel(ready.folder, context=256, memory=0, threads=1)


def rest(model: PagedModel, blocks: list[int]) -> bytes:
    """Logits of what follows the prompt, of which the shared part is in the first two of ``blocks``."""
    return bytes(model.step([Span(PROMPT[SHARED:], SHARED, blocks, (len(PROMPT) - SHARED - 1,))]).tobytes())


def test_warm_logits_are_cold_logits(model: PagedModel) -> None:
    model.step([Span(PROMPT[:SHARED], 0, [1, 2], ())])
    cold = rest(model, [1, 2, 3])
    assert rest(model, [1, 2, 4]) == cold
    model.step([Span(PROMPT[::-1][:SHARED], 0, [5, 6], ())])
    assert rest(model, [5, 6, 7]) != cold, "what stands in the blocks counts"
