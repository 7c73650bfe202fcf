"""Where entries of a provider's cache end, and how long they live."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from everwarm.core.analysis.asked import Asked
from everwarm.core.rules import Rule


def has_marks(rule: Rule, asked: Asked) -> bool:
    """Whether entries end at marks. Where a cache is automatic and marks are not known, they end by themselves."""
    return bool(rule.mark) and not (rule.automatic and asked.marks is None)


def places(rule: Rule, asked: Asked) -> list[tuple[int, str]]:
    """Where entries end, and their lifetimes; in order."""
    if asked.marks is not None:
        return sorted((place, ttl) for place, ttl in dict(asked.marks).items() if place < len(asked.path))
    name = asked.lifetime if life_of(rule, asked.lifetime) is not None else ""
    ends = {asked.heads[1] - 1, len(asked.path) - 1}
    return sorted((place, name) for place in ends if place >= 0)


def life_of(rule: Rule | None, name: str) -> float | None:
    """Seconds of a lifetime by its name; "": of the rule's first. None if it has no such."""
    if rule is None or not rule.ttls:
        return inf
    ttl = rule.ttl(name) if name else rule.ttls[0]
    return float(ttl.seconds) if ttl is not None else None


def lifetimes(rule: Rule | None, asked: Asked) -> Iterator[tuple[int, float]]:
    """How many of its blocks live how long: those before a mark."""
    for place, name in ((len(asked.path) - 1, asked.lifetime), *(asked.marks or ())):
        yield place + 1, life_of(rule, name) or 0.0
