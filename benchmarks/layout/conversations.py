"""The agent conversations that plants are put into: of tau-bench's airline, beside the project or where it is said."""

from __future__ import annotations

import ast
import gzip
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.layout.plants import Body, Call, requests

NAMES: Final = ("tau-bench/gpt-4o-airline.json.gz", "tau-bench/wiki_and_tools.tar.gz")


class AbsentError(Exception):
    """The conversations are not on this machine."""


def calls() -> list[Call]:
    """600 requests, with the 14 tools that the agent had. Raises ``AbsentError``."""
    said, code = (_found(name) for name in NAMES)
    with gzip.open(said) as file:
        trajectories = [one["traj"] for one in json.load(file)]
    tools = sorted(_tools(code), key=lambda tool: str(tool["function"]["name"]))
    return list(requests(trajectories, tools))


def _found(name: str) -> Path:
    said = os.environ.get("EVERWARM_SHARED_DATA")
    above = [parent / "shared/data" for parent in Path(__file__).resolve().parents]
    for folder in [Path(said)] if said else above:
        if (folder / name).exists():
            return folder / name
    raise AbsentError(f"{name} is absent: set EVERWARM_SHARED_DATA to the folder of the shared data")


def _tools(archive: Path) -> Iterator[Body]:
    """What ``get_info`` returns, in each tool's source: read, not run."""
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            if not member.name.endswith(".py") or "airline" not in member.name:
                continue
            source: Any = tar.extractfile(member)
            for node in ast.walk(ast.parse(source.read())):
                if isinstance(node, ast.FunctionDef) and node.name == "get_info":
                    yield from (
                        ast.literal_eval(n.value) for n in ast.walk(node) if isinstance(n, ast.Return) and n.value
                    )
