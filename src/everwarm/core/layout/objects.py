"""JSON objects that stand in a text, each from the start of a line on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

_read: Final = json.JSONDecoder().raw_decode


class Object(NamedTuple):
    """One that was found."""

    start: int
    end: int
    value: dict[str, Any]


def objects(text: str, *, indented: bool = False, most: int | None = None) -> Iterator[Object]:
    """Those in ``text`` that are in no other one. ``indented``: also where blanks stand before them in their line.
    ``most``: places that are tried as the beginning of one; None: all."""
    done = tried = 0
    for start in _begins(text, " \t" if indented else ""):
        if start < done:
            continue
        if tried == most:
            return
        tried += 1
        value, done = read_at(text, start)
        if done > start:
            yield Object(start, done, value)


def read_at(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins there, and where it ends; null, and the same place, if none does."""
    try:
        return _read(text, start)
    except (ValueError, RecursionError):
        return None, start


def _begins(text: str, blanks: str) -> Iterator[int]:
    """Where a line begins with a brace, behind nothing but ``blanks``."""
    at = text.find("{")  # one character is looked for much quicker than two
    while at >= 0:
        before = at
        while before > 0 and text[before - 1] in blanks:
            before -= 1
        if before == 0 or text[before - 1] == "\n":
            yield at
        at = text.find("{", at + 1)
