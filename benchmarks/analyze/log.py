"""A log of any size, made of real agent conversations: of nine applications, three of which are at work at a time.

Each round has other users, so what they say is new; eight of the applications plant something that breaks caches. Every
other round says what was read from a cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.layout.conversations import calls
from benchmarks.layout.plants import PLANTS, Call, planted

AT_ONCE: Final = 3
PAUSE: Final = 12_000.0
"""Seconds from the beginning of one round to that of the next: each has 600 requests of 8 s and more."""


def write(path: Path, size: int, apps: Sequence[str] = tuple(PLANTS)) -> int:
    """Bytes that were written: at least ``size``, and at most one line more. ``apps``: what they plant, by turns.
    Raises ``AbsentError``."""
    written = 0
    with path.open("wb") as file:
        for line in _lines(calls(), apps):
            written += file.write(line)
            if written >= size:
                break
    return written


def _lines(clean: list[Call], apps: Sequence[str]) -> Iterator[bytes]:
    for turn in count():
        rounds = [turn * AT_ONCE + n for n in range(AT_ONCE)]
        rows = [_round(clean, number, apps[number % len(apps)]) for number in rounds]
        yield from chain.from_iterable(zip(*rows, strict=True))


def _round(clean: list[Call], number: int, app: str) -> Iterator[bytes]:
    begun = number // AT_ONCE * PAUSE
    for call in planted(clean, PLANTS[app]):
        for message in call.body["messages"][1:]:
            if message["role"] == "user":
                message["content"] = f"({number}-{call.talk}) {message['content']}"
        row: dict[str, Any] = {"timestamp": call.at + begun, "app": app, **call.body}
        line = orjson.dumps(row)
        if number % 2:
            tokens = len(line) // 4
            details = {"cached_tokens": tokens // 2 // 128 * 128}
            usage = {"prompt_tokens": tokens, "completion_tokens": 80, "prompt_tokens_details": details}
            line = orjson.dumps({**row, "usage": usage})
        yield line + b"\n"
