"""Times and durations as logs write them."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isfinite
from typing import Final

_UNITS: Final = ((1e11, 1.0), (1e14, 1e-3), (1e17, 1e-6), (float("inf"), 1e-9))
"""A number below this counts units of so many seconds: since 1973 a time in one unit is less than one in the next."""

_LONGEST: Final = 600
"""Seconds. No call takes longer, so that a larger duration whose unit is not said is in milliseconds."""


def moment(value: object) -> float | None:
    """Seconds since 1970, of a text in ISO 8601 or a number of seconds, milli-, micro- or nanoseconds. None if it is
    neither. A text without a time zone is taken as UTC."""
    if type(value) is float and 0.0 <= value < _UNITS[0][0]:
        return value
    if isinstance(value, str):
        return _written(value.strip())
    number = _number(value)
    if number is None or number < 0:
        return None
    return number * next(scale for limit, scale in _UNITS if number < limit)


def span(value: object, unit: float | None = None) -> float | None:
    """Seconds, of a number of ``unit`` seconds; None if it is none. Where no unit is said, a whole number of 100 and
    more, and any of more than ten minutes, are milliseconds."""
    number = _number(value)
    if number is None and isinstance(value, str):
        number = _parsed(value)
    if number is None or number < 0:
        return None
    if unit is None:
        unit = 1e-3 if number > _LONGEST or (number >= 100 and number.is_integer()) else 1.0
    return number * unit


def _written(text: str) -> float | None:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return moment(_parsed(text))


def _parsed(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if isfinite(number) else None
