"""A trace of hashed blocks of any length: Mooncake's, again and again, each time with blocks of its own."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Final

import orjson

from benchmarks.layout.conversations import AbsentError

NAME: Final = "mooncake/conversation_trace.jsonl.gz"
LASTS: Final = 3_600_000
"""Milliseconds from the beginning of one round to that of the next."""


def lines(requests: int) -> Iterator[bytes]:
    """So many. Raises ``AbsentError``."""
    return islice(_rounds(_rows()), requests)


def _rows() -> list[dict[str, object]]:
    said = os.environ.get("EVERWARM_SHARED_DATA")
    above = [parent / "shared/data" for parent in Path(__file__).resolve().parents]
    for folder in [Path(said)] if said else above:
        if (folder / NAME).exists():
            with gzip.open(folder / NAME) as file:
                return [orjson.loads(line) for line in file]
    raise AbsentError(f"{NAME} is absent: set EVERWARM_SHARED_DATA to the folder of the shared data")


def _rounds(rows: list[dict[str, object]]) -> Iterator[bytes]:
    most = 1 + max(max(row["hash_ids"], default=0) for row in rows)  # type: ignore[call-overload]
    for turn in count():
        first, begin = turn * most, turn * LASTS
        for row in rows:
            hashes = [first + each for each in row["hash_ids"]]  # type: ignore[attr-defined]
            yield orjson.dumps({**row, "timestamp": begin + row["timestamp"], "hash_ids": hashes}) + b"\n"  # type: ignore[operator]
