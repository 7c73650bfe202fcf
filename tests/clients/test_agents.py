"""Coding agents through the gateway: a second session that asks the same is answered from memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clients.coding_agents import CODEX, OPENCODE, PROVIDERS, codex, needs, opencode
from clients.through import between
from clients.turn import Place

QUESTION = "Say hello."


def twice(take: Callable[[Place], str], data: Path) -> tuple[str, str]:
    """What two sessions were told. Each made one call; only the first one's reached the provider."""
    with between(data) as (place, behind):
        cold, warm = take(place), take(place)
        assert len(behind.asked) == 1
        return cold, warm


@needs(OPENCODE)
@pytest.mark.parametrize("protocol", PROVIDERS)
def test_opencode(protocol: str, tmp_path: Path) -> None:
    cold, warm = twice(lambda place: opencode(tmp_path, place, protocol, QUESTION), tmp_path / "data")
    assert cold.startswith("answer 1 to ")
    assert QUESTION in cold
    assert warm == cold


@needs(CODEX)
def test_codex(tmp_path: Path) -> None:
    cold, warm = twice(lambda place: codex(tmp_path, place, QUESTION), tmp_path / "data")
    assert cold == warm == f"answer 1 to {QUESTION}"
