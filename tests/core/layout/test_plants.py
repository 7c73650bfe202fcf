"""Real agent requests with what applications plant in their prompts: how much an unlimited cache reads of them."""

from __future__ import annotations

import ast
import io
import json
import tarfile
from functools import cache
from typing import Any

import pytest
from benchmarks.layout.plants import PLANTS, Call, planted, requests
from benchmarks.layout.rates import came, ideal, rewritten

from shared import unpacked

REQUESTS = 200
LEAST = {
    "clean": 0.93,
    "a clock in line 1": 0.93,
    "a clock at the end of the system prompt": 0.93,
    "name and id of the user first": 0.93,
    "shuffled keys and tools": 0.93,
    "a billing line": 0.93,
    "retrieved passages first": 0.90,
    "a memory that grows": 0.90,
    "all together": 0.90,
}


@cache
def calls(with_tools: bool) -> list[Call]:
    talks = [talk["traj"] for talk in json.loads(unpacked("tau-bench/gpt-4o-airline.json.gz"))]
    tools = airline_tools() if with_tools else []
    made = list(requests(talks, tools, REQUESTS))
    return made if with_tools else [call._replace(body=without_tools(call.body)) for call in made]


def without_tools(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "tools"}


def airline_tools() -> list[dict[str, Any]]:
    """What each tool of the airline says of itself: the value that its ``get_info`` returns."""
    found: list[dict[str, Any]] = []
    with tarfile.open(fileobj=io.BytesIO(unpacked("tau-bench/wiki_and_tools.tar.gz"))) as files:
        for member in files.getmembers():
            file = files.extractfile(member) if "airline" in member.name and member.name.endswith(".py") else None
            found += infos(file.read().decode()) if file is not None else []
    return sorted(found, key=lambda tool: str(tool["function"]["name"]))


def infos(source: str) -> list[dict[str, Any]]:
    functions = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef) and n.name == "get_info"]
    returns = [n for f in functions for n in ast.walk(f) if isinstance(n, ast.Return) and isinstance(n.value, ast.Dict)]
    return [ast.literal_eval(n.value) for n in returns if n.value is not None]


@pytest.mark.parametrize("name", LEAST)
def test_what_is_planted_costs_little(name: str) -> None:
    asked = calls("shuffled" in name or "together" in name)
    if name == "all together" or "shuffled" in name:
        assert len(asked[0].body["tools"]) > 10
    assert ideal(rewritten(came(planted(asked, PLANTS[name])))).share >= LEAST[name]


def test_as_they_come_a_clock_spoils_nearly_all() -> None:
    assert ideal(came(planted(calls(False), PLANTS["a clock in line 1"]))).share < 0.1
