"""Real conversations and traces that lie beside the project on some machines. What needs them is skipped elsewhere."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest


def shared(name: str) -> bytes:
    """The unpacked content of a file, such as ``tau-bench/gpt-4o-airline.json.gz``; skips the test without it."""
    named = os.environ.get("EVERWARM_SHARED_DATA")
    above = [parent / "shared/data" for parent in Path(__file__).parents]
    for folder in [Path(named)] if named else above:
        if (folder / name).is_file():
            return gzip.decompress((folder / name).read_bytes())
    pytest.skip(f"{name} is absent: set EVERWARM_SHARED_DATA to the folder of the shared data")
