"""A stretch of text that changes by nature, and what people call it."""

from __future__ import annotations

from typing import Final, NamedTuple

KINDS: Final = (
    "a clock",  # a time of day is in it
    "a date",
    "a UUID",
    "a hash",
    "an id",
    "a counter",
    "a billing line",
    "a path",
    "git state",
    "a user",
    "a place",
    "a number",
    "a memory",
    "retrieved text",
)
"""The last three are of no form of their own: no recogniser finds them, only who sees several requests."""


class Span(NamedTuple):
    """The smallest whole that makes sense to move: a date with its time and zone, a whole UUID."""

    start: int  # in characters of the text
    end: int
    kind: str  # one of KINDS
