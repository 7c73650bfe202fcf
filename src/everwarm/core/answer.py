"""A whole answer, put together from its events, and the bytes in which it rests.

A stored answer holds the JSON body, ready to send, and where its text was cut into deltas; so one entry serves JSON and
SSE, and the stream is replayed with the boundaries it had. The format is versioned: docs/formats.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import Final, NamedTuple

import orjson

from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish

MAGIC: Final = b"EWA1"
_HEAD: Final = Struct("<4sIIIIIIId")
# magic, body bytes, cuts bytes, then usage (uncached, cache_read, output, cache_write, reasoning), seconds

CLEAN: Final = frozenset({"stop", "tool_calls"})
"""Finish reasons of an answer that is whole. Any other is not stored (s13)."""


@dataclass(slots=True)
class Choice:
    """One choice so far. ``pieces`` are its deltas."""

    pieces: list[str] = field(default_factory=list)
    finish: str | None = None

    @property
    def text(self) -> str:
        """What it says, whole."""
        return "".join(self.pieces)


class Recorder:
    """Takes the events of one answer in order and knows whether it is whole."""

    def __init__(self) -> None:
        self.choices: dict[int, Choice] = {}
        self.usage: Usage | None = None

    def add(self, event: Event) -> None:
        """Events come as ``core.upstream`` promises them."""
        if isinstance(event, Delta):
            self.choices.setdefault(event.choice, Choice()).pieces.append(event.text)
        elif isinstance(event, Finish):
            self.choices.setdefault(event.choice, Choice()).finish = event.reason
        elif isinstance(event, Done):
            self.usage = event.usage

    def flaw(self) -> str | None:
        """Why this answer may not be stored, in words; None if it is complete and clean."""
        if self.usage is None or not self.choices:
            return "it broke off"
        for choice in self.choices.values():
            if choice.finish not in CLEAN:
                return "it was cut off at max_tokens" if choice.finish == "length" else f"it ended with {choice.finish}"
            if not choice.text:
                return "it was empty"
        return None

    def cuts(self) -> list[list[int]]:
        """Lengths in characters of the deltas, for each choice in order."""
        return [[len(p) for p in self.choices[i].pieces] for i in sorted(self.choices)]


class Stored(NamedTuple):
    """An answer at rest, taken apart. ``seconds`` is how long the original took from request to last byte."""

    body: bytes  # the JSON body in the dialect of its key
    cuts: bytes  # JSON: list[list[int]], see Recorder.cuts
    usage: Usage
    seconds: float


def pack(stored: Stored) -> bytes:
    """The bytes of ``stored``."""
    head = _HEAD.pack(MAGIC, len(stored.body), len(stored.cuts), *stored.usage, stored.seconds)
    return head + stored.body + stored.cuts


def unpack(payload: bytes) -> Stored | None:
    """What ``pack`` packed; None if it is of another version or not whole."""
    if len(payload) < _HEAD.size:
        return None
    magic, body, cuts, *usage, seconds = _HEAD.unpack_from(payload)
    start = _HEAD.size
    if magic != MAGIC or len(payload) != start + body + cuts:
        return None
    return Stored(payload[start : start + body], payload[start + body :], Usage(*usage), seconds)


def replay(text: str, cuts: list[int]) -> list[str]:
    """The text as the deltas that it came in."""
    out, at = [], 0
    for n in cuts:
        out.append(text[at : at + n])
        at += n
    return out


def read_cuts(stored: Stored) -> list[list[int]]:
    """The cuts of each choice."""
    cuts: list[list[int]] = orjson.loads(stored.cuts)
    return cuts
