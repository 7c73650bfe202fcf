"""What the layout engine may do to requests: by their protocol, the name that they ask for, and where that leads."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from everwarm.config import Config
from everwarm.config.layout import MODES
from everwarm.core.dialects.dialect import Dialect
from everwarm.core.dialects.registry import CONVERSING
from everwarm.core.layout.finding import Mode, Wishes
from everwarm.core.rules import Rule
from everwarm.gateway.rulebook import Rulebook
from everwarm.gateway.upstreams.directory import Target
from everwarm.gateway.upstreams.pool import Pool

REMEMBERED: Final = 1000
"""Of what is asked for, that used last is not worked out again."""

_CONVERSING: Final = frozenset(dialect.name for dialect in CONVERSING)
"""Not embeddings: there is no prefix to reuse."""


class Allowed:
    """As one configuration says it. To ask costs a look-up: it stands before every request that no store answers."""

    def __init__(self, config: Config, rulebook: Rulebook) -> None:
        self._config = config
        self._rulebook = rulebook
        self._of = lru_cache(REMEMBERED)(self._made)

    def of(self, dialect: Dialect, asked: str, target: Target) -> Wishes:
        """``asked``: the name of the model as the client writes it, which leads to ``target``."""
        return self._of(dialect.name, asked, target)

    def _made(self, dialect: str, asked: str, target: Target) -> Wishes:
        layout = self._config.layout
        mode = self._mode(dialect, asked, target)
        return layout.wishes(mode)._replace(rule=self._rule(target), streams=layout.streams)

    def _mode(self, dialect: str, asked: str, target: Target) -> Mode:
        """Before the stream of a request is known: what is said of its model, else of its upstream, else of all.

        Where several upstreams serve the model, what is sent may go to any of them: the most careful mode of theirs
        counts.
        """
        if dialect not in _CONVERSING:
            return "off"
        said = self._config.cache.layout_of(asked, target.model)
        if said is not None:
            return said
        source, usual = target.source, self._config.layout.mode
        if not isinstance(source, Pool):
            return usual
        return min((provider.settings.layout or usual for provider in source.providers), key=MODES.index)

    def _rule(self, target: Target) -> Rule | None:
        """Of the cache of all who may serve the model; None for the model inside, whose cache needs no marks."""
        if not isinstance(target.source, Pool):
            return None
        return self._rulebook.shared((p.settings for p in target.source.providers), target.model)
