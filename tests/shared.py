"""Real conversations that lie beside the project where it is developed. They are never part of it."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared(name: str) -> Path:
    """The file ``name`` of them. Skips the test where it is absent."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"the real data {name} does not lie in shared/data beside the project")
    return path
