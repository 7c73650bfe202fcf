"""A log of any size, made of real agent conversations: of nine applications, three of which are at work at a time.

Each round has other users, so what they say is new; eight of the applications plant something that breaks caches. Every
other round says what was read from a cache. Other logs have the same in another protocol, or questions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.analyze.forms import as_messages, questions
from benchmarks.layout.conversations import calls
from benchmarks.layout.plants import PLANTS, Body, Call, planted

AT_ONCE: Final = 3
PAUSE: Final = 12_000.0
"""Seconds from the beginning of one round to that of the next: each has 600 requests of 8 s and more."""


def write(path: Path, size: int, apps: Sequence[str] = tuple(PLANTS)) -> int:
    """Bytes that were written: at least ``size``, and at most one line more. ``apps``: what they plant, by turns.
    Raises ``AbsentError``."""
    return _write(path, size, _lines(calls(), apps))


def write_messages(path: Path, size: int) -> int:
    """The same, of requests of Messages of which nothing is broken; with blanks, as Python writes JSON."""
    rows = _lines(calls(), ("clean",), as_messages)
    return _write(path, size, (json.dumps(orjson.loads(line)).encode() + b"\n" for line in rows))


def write_questions(path: Path, size: int) -> int:
    """The same, of questions, each asked once."""
    return _write(path, size, (orjson.dumps(row) + b"\n" for row in questions()))


def _write(path: Path, size: int, lines: Iterable[bytes]) -> int:
    written = 0
    with path.open("wb") as file:
        for line in lines:
            written += file.write(line)
            if written >= size:
                break
    return written


def _as_it_is(body: Body) -> Body:
    return body


def _lines(clean: list[Call], apps: Sequence[str], form: Callable[[Body], Body] = _as_it_is) -> Iterator[bytes]:
    for turn in count():
        rounds = [turn * AT_ONCE + n for n in range(AT_ONCE)]
        rows = [_round(clean, number, apps[number % len(apps)], form) for number in rounds]
        yield from chain.from_iterable(zip(*rows, strict=True))


def _round(clean: list[Call], number: int, app: str, form: Callable[[Body], Body]) -> Iterator[bytes]:
    begun = number // AT_ONCE * PAUSE
    for call in planted(clean, PLANTS[app]):
        for message in call.body["messages"][1:]:
            if message["role"] == "user":
                message["content"] = f"({number}-{call.talk}) {message['content']}"
        row: dict[str, Any] = {"timestamp": call.at + begun, "app": app, **form(call.body)}
        line = orjson.dumps(row)
        if number % 2:
            tokens = len(line) // 4
            details = {"cached_tokens": tokens // 2 // 128 * 128}
            usage = {"prompt_tokens": tokens, "completion_tokens": 80, "prompt_tokens_details": details}
            line = orjson.dumps({**row, "usage": usage})
        yield line + b"\n"
