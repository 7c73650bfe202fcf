"""The Mooncake trace of conversations, as rows of hashes."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import orjson

from everwarm.core.analysis.reuse import Request, Reuse
from everwarm.core.analysis.runs import Runs, pack
from shared import unpacked

NAME = "mooncake/conversation_trace.jsonl.gz"
SIZE = 512


class Row(NamedTuple):
    hashes: list[int]
    tokens: int
    at: float  # seconds


@cache
def rows() -> list[Row]:
    """All of it. Skips the test without it."""
    found = map(orjson.loads, unpacked(NAME).splitlines())
    return [Row(line["hash_ids"], line["input_length"], line["timestamp"] / 1000) for line in found]


def reuse(rows: list[Row], size: int) -> Reuse:
    """Of rows in the order of time."""
    runs = Runs()
    requests = [Request(runs.add(pack(row.hashes)), row.tokens, row.at) for row in rows]
    return Reuse(runs.paths, size, requests)
