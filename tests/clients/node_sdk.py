"""The clients for Node: a program of turns each, run in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from clients.turn import Place

FOLDER = Path(__file__).parent / "node"
PROGRAMS = {"openai": 13, "anthropic": 6, "vercel": 21}
"""Program -> how many turns it takes."""

CLIENTS = {"openai": "openai", "anthropic": "@anthropic-ai/sdk", "vercel": "ai"}
"""Program -> the client that it is a user of, by its package."""

PATIENCE = 120.0
"""Seconds after which a program hangs."""


def here() -> bool:
    """Are they installed?"""
    return shutil.which("node") is not None and (FOLDER / "node_modules").is_dir()


needs_node = pytest.mark.skipif(
    not here(), reason="the clients for Node are not installed: `make test` does it where npm is"
)


def run(program: str, place: Place) -> dict[str, Any]:
    """Name of a turn -> what the user of the client saw."""
    command = ["node", f"{program}.mjs", place.url]
    ended = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr
    seen: dict[str, Any] = json.loads(ended.stdout)
    return seen
