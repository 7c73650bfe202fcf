"""What providers' prompt caches do, as dated data: where an entry ends, how long it lives, what it costs.

A table of rules is TOML: rows ``[[rule]]``, and ``[common]`` with what holds for every row that does not say otherwise.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from everwarm.core.layout.piece import Tier
from everwarm.core.rule_members import MEMBERS, REQUIRED, Wrong
from everwarm.errors import ConfigError

Confidence = Literal["high", "medium", "low"]


class Ttl(NamedTuple):
    """One of the lifetimes that a provider sells."""

    seconds: int
    write_factor: float  # what writing a token costs, in prices of an uncached one

    @property
    def name(self) -> str:
        """As providers write it: 5m, 1h."""
        return f"{self.seconds // 3600}h" if self.seconds % 3600 == 0 else f"{self.seconds // 60}m"


@dataclass(frozen=True, slots=True)
class Rule:
    """One provider's rules for some of its models. Sizes are in tokens."""

    provider: str
    models: tuple[str, ...]  # patterns in which * stands for anything
    minimum: int  # a shorter prefix is never cached
    read_factor: float  # what reading a token costs, in prices of an uncached one
    automatic: bool  # whether it caches without being asked to
    source: str
    checked: str  # the day on which somebody last looked, as 2026-11-25
    confidence: Confidence
    step: int = 1  # an entry is a whole number of so many
    mark: str = ""  # the member of a content block that ends an entry there; "" if there are no marks
    marks: int = 0  # how many of them a request may have, or has written
    considered: int = 0  # how many a look-up tries; 0: no limit
    lookback: int = 0  # blocks before a mark in which an earlier entry is found, the marked one included; 0: no limit
    ttls: tuple[Ttl, ...] = ()  # shorter ones first, the first is the default; none: it lives until it is evicted
    refreshes: bool = True  # whether a hit starts the lifetime anew
    invalidates: Mapping[str, tuple[Tier, ...]] = field(default_factory=dict)  # what changed -> what of it is lost
    usage: tuple[str, ...] = ()  # members of an answer's usage that tell of the cache
    reasons: tuple[str, ...] = ()  # the provider's own words for a miss
    conflicts: tuple[str, ...] = ()  # what other sources say
    origin: str = ""  # the file that it is from

    def ttl(self, name: str) -> Ttl | None:
        """The lifetime of this name; None if there is none."""
        return next((ttl for ttl in self.ttls if ttl.name == name), None)


class Rules:
    """All rules that are known, in layers: what a layer says of a model hides all that later layers say of it."""

    def __init__(self, *layers: Sequence[Rule]) -> None:
        self.layers: Final = layers

    @property
    def providers(self) -> frozenset[str]:
        """All that there is a rule of."""
        return frozenset(rule.provider for layer in self.layers for rule in layer)

    def of(self, provider: str, model: str) -> Rule | None:
        """The rule with the most specific pattern (most characters that are no ``*``); of equal ones the first."""
        for layer in self.layers:
            fits = ((_fit(rule, model), rule) for rule in layer if rule.provider == provider)
            best = max(fits, key=lambda found: found[0], default=None)
            if best is not None and best[0] >= 0:
                return best[1]
        return None


def _fit(rule: Rule, model: str) -> int:
    """Characters of the rule's longest pattern that the model has; -1 if none fits."""
    fits = (len(pattern) - pattern.count("*") for pattern in rule.models if _matches(pattern, model))
    return max(fits, default=-1)


def _matches(pattern: str, model: str) -> bool:
    return _compiled(pattern).fullmatch(_plain(model)) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in _plain(pattern).split("*")), re.DOTALL)


def _plain(name: str) -> str:
    """``claude-opus-4.5`` and ``claude-opus-4-5`` are one model."""
    return name.lower().replace(".", "-")


def parse(text: str, origin: str) -> tuple[Rule, ...]:
    """The rules in a table. Raises ``ConfigError`` that names all that is wrong by row and member of ``origin``."""
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, and numbers of too many digits
        raise ConfigError(f"{origin}: is not valid TOML: {error}.") from None
    except RecursionError:
        raise ConfigError(f"{origin}: is not a table of rules: it is nested too deeply.") from None
    problems: list[str] = []
    rules = _read(data, origin, problems)
    if problems:
        head = "" if len(problems) == 1 else f"{len(problems)} things are wrong with the rules:\n  "
        raise ConfigError(head + "\n  ".join(problems))
    return rules


def _read(data: dict[str, Any], origin: str, problems: list[str]) -> tuple[Rule, ...]:
    others = sorted(data.keys() - {"common", "rule"})
    problems += (f"{origin}: {name!r} is unknown here; there are [common] and [[rule]]." for name in others)
    common, rows = data.get("common", {}), data.get("rule", [])
    if not isinstance(common, dict) or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        problems.append(f"{origin}: [common] is one table, and [[rule]] a list of them.")
        return ()
    shared = _members(common, f"{origin}, [common]", problems)
    rules = []
    for number, row in enumerate(rows, 1):
        where = f"{origin}, rule {number}"
        members = {**shared, **_members(row, where, problems)}
        missing = [name for name in REQUIRED if name not in common and name not in row]
        problems += (f"{where}: {name} is missing." for name in missing)
        if members.keys() >= REQUIRED.keys():
            rules.append(_rule(members, where, origin, problems))
    return tuple(rules)


def _members(row: dict[str, Any], where: str, problems: list[str]) -> dict[str, Any]:
    """Those that are right; what is wrong with the others goes to the problems."""
    members = {}
    for name, value in row.items():
        try:
            members[name] = _member(name, value)
        except Wrong as wrong:
            problems.append(f"{where}: {name}: {wrong}")
    return members


def _member(name: str, value: object) -> object:
    if name not in MEMBERS:
        near = get_close_matches(name, MEMBERS, n=1)
        raise Wrong("no rule has such a member." + (f" Did you mean {near[0]}?" if near else ""))
    return MEMBERS[name](value)


def _rule(members: dict[str, Any], where: str, origin: str, problems: list[str]) -> Rule:
    ttls = tuple(Ttl(*pair) for pair in members.pop("ttls", ()))
    rule = Rule(ttls=ttls, origin=origin, **members)
    if bool(rule.mark) != bool(rule.marks):
        problems.append(f"{where}: mark and marks go together: what a mark is called, and how many there may be.")
    if not rule.automatic and not rule.marks:
        problems.append(f"{where}: a cache is automatic, or has marks.")
    return rule
