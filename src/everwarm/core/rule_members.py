"""The members of a cache rule as they stand in TOML: what each may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*")
_TIERS: Final = ("tools", "system", "messages")


class Wrong(ValueError):
    """Says what would be right. Never leaves the core: ``rules.parse`` makes a ``ConfigError`` of it."""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Wrong("must be a text that is not empty.")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one.strip() for one in value):
        raise Wrong("must be a list of texts.")
    return tuple(value)


def _some_texts(value: object) -> tuple[str, ...]:
    texts = _texts(value)
    if not texts:
        raise Wrong("must name at least one.")
    return texts


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong("must be true or false.")
    return value


def _whole(least: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**31:
            raise Wrong(f"must be a whole number, {least} or more.")
        return value

    return check


def _factor(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 100:
        raise Wrong("must be a number from 0 to 100: a multiple of the price of an uncached token.")
    return float(value)


def _day(value: object) -> str:
    if isinstance(value, str) or not _DAY.fullmatch(str(value)):
        raise Wrong("must be a day, without quotes: 2026-11-25.")
    return str(value)


def _mark(value: object) -> str:
    if value not in ("cache_control", "prompt_cache_breakpoint"):
        raise Wrong('must be "cache_control" or "prompt_cache_breakpoint".')
    return str(value)


def _confidence(value: object) -> str:
    if value not in ("high", "medium", "low"):
        raise Wrong('must be "high", "medium" or "low".')
    return str(value)


def _ttls(value: object) -> tuple[tuple[int, float], ...]:
    """Pairs of seconds and factor."""
    if not isinstance(value, list):
        raise Wrong("must be a list of { seconds, write_factor }.")
    pairs = tuple(_ttl(one) for one in value)
    if list(pairs) != sorted({seconds: (seconds, factor) for seconds, factor in pairs}.values()):
        raise Wrong("shorter lifetimes stand before longer ones, each once.")
    return pairs


def _ttl(value: object) -> tuple[int, float]:
    if not isinstance(value, dict) or value.keys() != {"seconds", "write_factor"}:
        raise Wrong("must be a list of { seconds, write_factor }.")
    seconds = _whole(60)(value["seconds"])
    if seconds % 60:
        raise Wrong("a lifetime is a whole number of minutes.")
    return seconds, _factor(value["write_factor"])


def _invalidates(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or not all(_WORD.fullmatch(change) for change in value):
        raise Wrong("must be a table of what changes, such as tool_choice, and the tiers that it costs.")
    lost = {change: _texts(tiers) for change, tiers in value.items()}
    if any(set(tiers) - set(_TIERS) for tiers in lost.values()):
        raise Wrong(f"the tiers are {', '.join(_TIERS)}.")
    return lost


REQUIRED: Final[dict[str, Callable[[object], Any]]] = {
    "provider": _text,
    "models": _some_texts,
    "minimum": _whole(0),
    "read_factor": _factor,
    "automatic": _flag,
    "source": _text,
    "checked": _day,
    "confidence": _confidence,
}

MEMBERS: Final[dict[str, Callable[[object], Any]]] = {
    **REQUIRED,
    "step": _whole(1),
    "mark": _mark,
    "marks": _whole(1),
    "considered": _whole(0),
    "lookback": _whole(0),
    "ttls": _ttls,
    "refreshes": _flag,
    "invalidates": _invalidates,
    "usage": _texts,
    "reasons": _texts,
    "conflicts": _texts,
}
"""Name -> what makes a value of the rule of what stands in the table; raises ``Wrong``."""
