"""Counts of tokens, read from JSON that somebody else wrote."""

from __future__ import annotations

from typing import Final

from everwarm.core.wire import Json

LIMIT: Final = 2**32
"""From here on a number is no count of tokens of one answer. An answer at rest keeps each in 32 bits."""


def count(value: dict[str, Json], *names: str) -> int | None:
    """The first member of these names that is a count; None if none is."""
    for name in names:  # a loop: this is asked a dozen times for each answer
        found = value.get(name)
        if type(found) is int and 0 <= found < LIMIT:
            return found
    return None


def inner(value: dict[str, Json], *names: str) -> dict[str, Json]:
    """The first member of these names that is an object; an empty one if none is."""
    for name in names:
        found = value.get(name)
        if type(found) is dict:
            return found
    return {}
