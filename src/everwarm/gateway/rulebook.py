"""Which provider's cache a request goes to, and the rule of that cache: by the model's name, among the vendor's own."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from everwarm.config.upstreams import Dialect
from everwarm.core.rules import Rule, Rules

NAMES: Final[dict[Dialect, re.Pattern[str]]] = {
    "anthropic": re.compile(r"claude"),
    "openai": re.compile(r"(chat)?gpt-(?!oss)|o\d"),  # gpt-oss has open weights: anybody may serve it
}
"""How the names of a vendor's own models begin."""

REMEMBERED: Final = 256


class Rulebook:
    """The rules that are known to this process. A look-up costs microseconds."""

    def __init__(self, rules: Rules) -> None:
        self._of = lru_cache(REMEMBERED)(rules.of)

    def of(self, dialect: Dialect, model: str) -> Rule | None:
        """For a model behind an upstream of this dialect; None for one that is not of the dialect's own vendor: others
        speak its protocol, too, and their caches are not known by that."""
        return self._of(dialect, model) if NAMES[dialect].match(model) else None
