"""All that is wrong with a configuration, gathered, so that it can be put right in one go."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from math import inf
from typing import Any

from everwarm.config.kinds import Kind, Wrong
from everwarm.errors import ConfigError

_LONGEST = 60  # characters of a value that a message repeats


class Problems:
    """What was found so far: the file's by line, then the rest in the order of reading."""

    def __init__(self) -> None:
        self._found: list[tuple[float, str]] = []

    def add(self, where: str, what: str, line: float = inf) -> None:
        """``where`` is the place in words; ``line`` only sorts."""
        self._found.append((line, f"{where}: {what}"))

    def __bool__(self) -> bool:
        return bool(self._found)

    def follow(self, other: Problems) -> None:
        """After ours, those of another file."""
        self._found += ((inf, text) for text in other._in_order())

    def _in_order(self) -> list[str]:
        return [text for _, text in sorted(self._found, key=lambda entry: entry[0])]

    def raise_if_any(self) -> None:
        """Raise one ``ConfigError`` that holds all of them."""
        found = self._in_order()
        if len(found) == 1:
            raise ConfigError(found[0])
        if found:
            raise ConfigError("\n  ".join([f"{len(found)} settings are wrong:", *found]))


def describe(value: object) -> str:
    """A value from TOML or text as a message repeats it: short, on one line, safe for a terminal."""
    if isinstance(value, str):
        cut = value if len(value) <= _LONGEST else value[:_LONGEST] + "..."
        return json.dumps(cut, ensure_ascii=not cut.isprintable())
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) >= 10**18:  # str() refuses to write the longest ones
        return "a number beyond all bounds"
    return kind_of(value) if isinstance(value, (dict, list)) else str(value)


def misfit(value: object, kind: Kind[Any], wrong: Wrong) -> str:
    """What is wrong with a value that its kind refused."""
    return str(wrong) or f"found {describe(value)}; allowed is {kind.allowed}."


def kind_of(value: object) -> str:
    """What sort of thing a value is, without repeating it: for what could be a secret."""
    names: tuple[tuple[type, str], ...] = ((dict, "a table"), (list, "a list"), (str, "a text"), (bool, "a boolean"))
    return next((name for sort, name in names if isinstance(value, sort)), "a number or date")


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Known dotted names that ``name`` may have meant: the same last word elsewhere, else the closest spelling."""
    from difflib import get_close_matches  # only needed when something is wrong already

    names = list(known)
    plain = name.lower().replace("-", "_")
    last = plain.rpartition(".")[2]
    same = [n for n in names if n.rpartition(".")[2] == last]
    return same or get_close_matches(plain, names, n=1, cutoff=0.6)


def hint(candidates: Sequence[str]) -> str:
    """ " Did you mean ...?", or nothing."""
    return f" Did you mean {' or '.join(candidates)}?" if candidates else ""
