"""The table "works with" lists the clients that the tests run, and what a provider saw of each when they did."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

from clients import node_sdk
from clients.coding_agents import AGENTS
from clients.every import MODULES
from clients.turn import Place, Turns
from clients.works_with import IN_JAPANESE, README, Row, seen, table
from providers import provider

TABLES = [README, IN_JAPANESE]

pytestmark = pytest.mark.skipif(not README.exists(), reason="installed without the repository")


def client(turns: Turns) -> str:
    """Of several modules for one client, each names it first."""
    return f"{turns.client.split()[0]} (Python)"


def ours() -> list[Turns]:
    return sorted((module.TURNS for module in MODULES), key=client)


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    """What every client does that can be run here. What it gets through a gateway is promise t01."""
    found = {}
    with provider() as alone:
        place = Place(alone.anthropic_url)
        for name, group in groupby(ours(), client):
            alone.asked.clear()
            for turn in (turn for turns in group for turn in turns.values()):
                turn.take(place)
            found[name] = seen(alone.asked)
        for program, package in node_sdk.CLIENTS.items() if node_sdk.here() else ():
            alone.asked.clear()
            node_sdk.run(program, place)
            found[f"{package} (npm)"] = seen(alone.asked)
    return found


@pytest.mark.parametrize("readme", TABLES, ids=lambda path: path.name)
def test_it_names_the_clients_that_run_and_no_other(readme: Path) -> None:
    npm = [f"{package} (npm)" for package in node_sdk.CLIENTS.values()]
    agents = [f"{agent} (agent)" for agent in AGENTS]
    assert set(table(readme)) == {*map(client, ours()), *npm, *agents}


@pytest.mark.parametrize("readme", TABLES, ids=lambda path: path.name)
def test_its_rows_are_what_a_provider_saw(readme: Path, rows: dict[str, Row]) -> None:
    stated = table(readme)
    assert {name: stated.get(name) for name in rows} == rows


@pytest.mark.parametrize("readme", TABLES, ids=lambda path: path.name)
def test_an_agent_speaks_as_many_protocols_as_its_row_has(readme: Path) -> None:
    """Which ones, and what it does, is seen where the agents are installed (test_agents)."""
    assert {agent: len(table(readme)[f"{agent} (agent)"].apis) for agent in AGENTS} == AGENTS


@pytest.mark.parametrize("program", node_sdk.CLIENTS)
def test_a_program_for_node_uses_the_client_that_it_is_named_for(program: str) -> None:
    package = node_sdk.CLIENTS[program]
    assert f'from "{package}"' in (node_sdk.FOLDER / f"{program}.mjs").read_text()
    assert package in json.loads((node_sdk.FOLDER / "package.json").read_text())["dependencies"]
    assert program in node_sdk.PROGRAMS
