"""Real conversations and traces that lie beside the project on some machines. What needs them is skipped elsewhere."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest


def shared(name: str) -> Path:
    """A file or folder of them. Skips the test where it is absent."""
    named = os.environ.get("EVERWARM_SHARED_DATA")
    above = [parent / "shared/data" for parent in Path(__file__).parents]
    for folder in [Path(named)] if named else above:
        if (folder / name).exists():
            return folder / name
    pytest.skip(f"{name} is absent: set EVERWARM_SHARED_DATA to the folder of the shared data")


def unpacked(name: str) -> bytes:
    """The content of a gzipped file, such as ``tau-bench/gpt-4o-airline.json.gz``. Skips the test without it."""
    return gzip.decompress(shared(name).read_bytes())
