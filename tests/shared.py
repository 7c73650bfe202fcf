"""Recorded conversations of others, which lie beside the project, or where EVERWARM_SHARED_DATA says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("EVERWARM_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")


def shared(name: str) -> Path:
    """A folder of them. Skips the test where it is not there."""
    folder = FOLDER / name
    if not folder.is_dir():
        pytest.skip(f"needs the recorded conversations {name} (EVERWARM_SHARED_DATA names the folder they are in)")
    return folder
