"""A gateway per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from live import Live, gateway


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A gateway with an empty memory."""
    with gateway(tmp_path) as running:
        yield running
