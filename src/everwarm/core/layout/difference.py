"""Where two texts part."""

from __future__ import annotations


def first_difference(one: str, other: str) -> int:
    """How many characters they have in common at their beginnings. Halves what is compared, at the speed of memory."""
    same, differs = 0, min(len(one), len(other)) + 1
    while differs - same > 1:
        middle = (same + differs) // 2
        if one[same:middle] == other[same:middle]:
            same = middle
        else:
            differs = middle
    return same
