"""Which provider's cache a request goes to, and the rule of that cache: as the upstream's settings say, else by the
model's name, among the vendor's own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from everwarm.config.upstreams import Dialect, UpstreamSettings
from everwarm.core.rules import Rule, Rules
from everwarm.errors import ConfigError

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
        self._providers = rules.providers

    def check(self, upstreams: Iterable[UpstreamSettings]) -> None:
        """Raises ``ConfigError`` if one is said to be of a provider that no rule is about."""
        for upstream in upstreams:
            if upstream.provider is not None and upstream.provider not in self._providers:
                near = get_close_matches(upstream.provider, self._providers, n=1)
                raise ConfigError(
                    f"upstream {upstream.name!r}: no cache rule is about the provider {upstream.provider!r}."
                    + (f" Did you mean {near[0]!r}?" if near else "")
                    + f" There are: {', '.join(sorted(self._providers))}."
                )

    def of(self, upstream: UpstreamSettings, model: str) -> Rule | None:
        """For a model behind this upstream. If nobody has said whose it is, None for one that is not of the dialect's
        own vendor: others speak its protocol, too, and their caches are not known by that."""
        if upstream.provider is not None:
            return self._of(upstream.provider, model)
        return self._of(upstream.dialect, model) if NAMES[upstream.dialect].match(model) else None

    def shared(self, upstreams: Iterable[UpstreamSettings], model: str) -> Rule | None:
        """For a model that any of these may serve: what all agree on."""
        first, *others = (self.of(upstream, model) for upstream in upstreams)
        return first if all(rule is first for rule in others) else None
