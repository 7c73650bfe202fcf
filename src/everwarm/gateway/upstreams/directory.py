"""Who serves which model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from everwarm.core.dialects.dialect import Dialect
from everwarm.core.upstream import ModelCard, Upstream
from everwarm.errors import ConfigError, ModelNotFound
from everwarm.gateway.upstreams.inside import Inside
from everwarm.gateway.upstreams.pool import Pool
from everwarm.gateway.upstreams.provider import Provider
from everwarm.gateway.upstreams.source import Source

REMEMBERED: Final = 1000
"""Names of models that are not looked up again."""


class Target(NamedTuple):
    """Where a model name leads."""

    source: Source
    model: str  # the name that is in the key
    identity: str  # part of every key: who answers; for the model inside, to its build
    inside: Upstream | None  # the model inside, if that is who answers


class Directory:
    """All names that lead to a model. The model inside comes first; all else goes to the upstreams of the dialect:
    to those whose patterns fit the name, in the order of the configuration, else to the first without patterns."""

    def __init__(
        self,
        upstreams: Sequence[Upstream],
        aliases: Mapping[str, str],
        rules: Iterable[str] = (),
        providers: Sequence[Provider] = (),
    ) -> None:
        """``aliases``: name -> model. ``rules``: names that the settings have rules for. Both must lead somewhere."""
        self.upstreams = list(upstreams)
        self.providers = list(providers)
        self.cards: list[ModelCard] = [card for u in upstreams for card in u.models()]
        self._pools: dict[tuple[Provider, ...], Pool] = {}
        self._found: dict[tuple[str, str], Target] = {}  # what was found before
        self._names: dict[str, Target] = {}
        for upstream in upstreams:
            for card in upstream.models():
                target = Target(Inside(upstream, card), card.id, f"{upstream.name}:{card.fingerprint}", upstream)
                for name in (card.id, *card.aliases):
                    self._names.setdefault(name, target)
        self._aliases(aliases)
        for name in rules:
            if self._names and not self.providers and name not in self._names:
                raise ConfigError(f'[models."{name}"] is about no model here. There are: {self._known()}.')

    def _aliases(self, aliases: Mapping[str, str]) -> None:
        for name, model in aliases.items():
            if model in self._names:
                self._names[name] = self._names[model]
            elif self._names or self.providers:
                raise ConfigError(
                    f"aliases.{name} leads to {model!r}, which is no model inside. There are: {self._known()}."
                )

    def find(self, name: str, dialect: Dialect, may_use: Callable[[str], bool] = lambda model: True) -> Target:
        """Raises ``ModelNotFound``, which lists what there is for somebody who may use that."""
        target = self._names.get(name) or self._found.get((name, dialect.vendor))
        if target is not None:
            return target
        providers = self.serving(name, dialect.vendor)
        if not providers:
            raise self._unknown(name, dialect, may_use)
        pool = self._pools.get(providers)
        if pool is None:
            pool = self._pools[providers] = Pool(providers)
        target = Target(pool, name, f"http:{providers[0].settings.url}", None)
        if len(self._found) < REMEMBERED:  # whoever invents names does not fill the memory with them
            self._found[name, dialect.vendor] = target
        return target

    def serving(self, name: str, vendor: str) -> tuple[Provider, ...]:
        """The upstreams to ask for this model, the first one first."""
        speaking = [p for p in self.providers if p.settings.dialect == vendor]
        fitting = tuple(p for p in speaking if any(fnmatchcase(name, m) for m in p.settings.models))
        return fitting or tuple(p for p in speaking if not p.settings.models)

    def of_vendor(self, vendor: str) -> tuple[Provider, ...]:
        """All upstreams that speak its protocols."""
        return tuple(p for p in self.providers if p.settings.dialect == vendor)

    def card(self, name: str) -> ModelCard | None:
        """Of the model inside that has this name or alias."""
        target = self._names.get(name)
        return next((c for c in self.cards if target is not None and c.id == target.model), None)

    def _unknown(self, name: str, dialect: Dialect, may_use: Callable[[str], bool]) -> ModelNotFound:
        known = f"There are: {self._known(may_use)}." if self._names else "No model is inside (model = none)."
        none = f" No upstream speaks {dialect.vendor}'s protocols." if self.providers else ""
        return ModelNotFound(f"The model {name[:80]!r} does not exist here. {known}{none}", param="model")

    def _known(self, may_use: Callable[[str], bool] = lambda model: True) -> str:
        return ", ".join(sorted(name for name, target in self._names.items() if may_use(target.model))) or "none"
