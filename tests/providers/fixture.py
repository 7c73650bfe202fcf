"""For the whole suite: a provider on a socket, for whoever asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers import Provider, provider


@pytest.fixture
def fake() -> Iterator[Provider]:
    """One per test."""
    with provider() as running:
        yield running
