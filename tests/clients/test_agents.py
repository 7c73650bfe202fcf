"""Coding agents through the gateway: a second session that asks the same is answered from memory.

With a fake provider they use a tool on the way. With the model inside they get what it has to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from clients.coding_agents import CODEX, OPENCODE, SPOKEN, codex, needs, opencode
from clients.inside import CONTEXT, inside, needs_model
from clients.through import between
from clients.turn import KEY, USE, Place
from clients.works_with import README, seen, table
from program import Program

QUESTION = "Is water wet?"
"""For the model inside, which knows how to end its answer to it."""

TOLD = "answer 2 to "
"""What the provider says once it was told the result of a tool. That result is an error: it has no sense for tools."""


def twice(agent: str, take: Callable[[Place], str], data: Path) -> tuple[str, str]:
    """What two sessions were told. Each made two calls; only the first one's reached the provider."""
    with between(data) as (place, behind):
        cold, warm = take(place), take(place)
        assert len(behind.asked) == 2
        found, claimed = seen(behind.asked), table(README)[f"{agent} (agent)"]
        assert found.apis <= claimed.apis
        assert found.does == claimed.does
        return cold, warm


@needs(OPENCODE)
@pytest.mark.parametrize("protocol", SPOKEN)
def test_opencode(protocol: str, tmp_path: Path) -> None:
    cold, warm = twice("opencode", lambda place: opencode(tmp_path, place, protocol, USE), tmp_path / "data")
    assert TOLD in cold
    assert warm == cold


@needs(CODEX)
def test_codex(tmp_path: Path) -> None:
    cold, warm = twice("codex", lambda place: codex(tmp_path, place, USE), tmp_path / "data")
    assert cold.startswith(TOLD)
    assert warm == cold


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    with inside(tmp_path_factory.mktemp("inside")) as running:
        yield running


def asked_twice(take: Callable[[Place], str], real: Program) -> None:
    """The model reads what the agent says of itself, its tools and its folder, and answers once for two sessions."""
    cold, warm = take(Place(real.url)), take(Place(real.url))
    assert cold
    assert warm == cold
    stats = httpx.get(f"{real.url}/stats", headers={"authorization": f"Bearer {KEY}"}).json()
    second, first = stats["recent"][:2]
    assert (first["cache"], first["via"], second["cache"], second["via"]) == ("miss", "engine", "hit", "exact")
    assert 1000 < first["prompt"] < CONTEXT
    assert first["output"] > 0


@needs_model
@needs(OPENCODE)
@pytest.mark.parametrize("protocol", SPOKEN)
def test_opencode_and_the_model_inside(protocol: str, tmp_path: Path, real: Program) -> None:
    asked_twice(lambda place: opencode(tmp_path, place, protocol, QUESTION, "default"), real)


@needs_model
@needs(CODEX)
def test_codex_and_the_model_inside(tmp_path: Path, real: Program) -> None:
    asked_twice(lambda place: codex(tmp_path, place, QUESTION, "default"), real)
