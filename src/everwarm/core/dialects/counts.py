"""Counts of tokens, read from JSON that somebody else wrote."""

from __future__ import annotations

from typing import Final

from everwarm.core.wire import Json

LIMIT: Final = 2**32
"""From here on a number is no count of tokens of one answer. An answer at rest keeps each in 32 bits."""


def count(value: dict[str, Json], *names: str) -> int | None:
    """The first member of these names that is a count; None if none is."""
    return next((value[n] for n in names if type(value.get(n)) is int and 0 <= value[n] < LIMIT), None)


def inner(value: dict[str, Json], *names: str) -> dict[str, Json]:
    """The first member of these names that is an object; an empty one if none is."""
    return next((value[n] for n in names if type(value.get(n)) is dict), {})
