"""What two texts, or two rows of bytes, have in common at their beginnings, and at their ends."""

from __future__ import annotations

from typing import AnyStr, Final

_NEAR: Final = 64
"""Characters or bytes that are compared first; then eight times as many. Most texts part early, or not at all."""


def common_prefix(one: AnyStr, other: AnyStr, begin: int = 0) -> int:
    """How many characters or bytes ``one``, and ``other`` from ``begin`` on, have in common at their start.

    First near the start, then halving what is compared, at the speed of memory; nothing of ``other`` is copied.
    """
    if other.startswith(one, begin):
        return len(one)
    alike, different, near = 0, len(one), _NEAR
    while near < different:
        if not other.startswith(one[alike:near], begin + alike):
            different = near
            break
        alike, near = near, 8 * near
    while different - alike > 1:  # equal up to the one, not up to the other
        middle = (alike + different) // 2
        if other.startswith(one[alike:middle], begin + alike):
            alike = middle
        else:
            different = middle
    return alike


def common_suffix(one: AnyStr, other: AnyStr) -> int:
    """How many characters or bytes both have in common at their ends; in the same way."""
    if other.endswith(one):
        return len(one)
    size, end = len(one), len(other)
    alike, different, near = 0, min(size, end) + 1, _NEAR
    while near < different:
        if not other.endswith(one[size - near : size - alike], 0, end - alike):
            different = near
            break
        alike, near = near, 8 * near
    while different - alike > 1:
        middle = (alike + different) // 2
        if other.endswith(one[size - middle : size - alike], 0, end - alike):
            alike = middle
        else:
            different = middle
    return alike
