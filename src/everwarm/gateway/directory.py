"""Who serves which model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from everwarm.core.upstream import ModelCard, Upstream
from everwarm.errors import ConfigError, ModelNotFound


class Target(NamedTuple):
    """Where a model name leads."""

    upstream: Upstream
    card: ModelCard
    identity: str  # part of every key: who answers, to the build of the model


class Directory:
    """All names that lead to a model: ids, their aliases, and those of the configuration."""

    def __init__(self, upstreams: Sequence[Upstream], aliases: Mapping[str, str], rules: Iterable[str] = ()) -> None:
        """``aliases``: name -> model. ``rules``: names that the settings have rules for. Both must lead somewhere."""
        self.upstreams = list(upstreams)
        self.cards: list[ModelCard] = [card for u in upstreams for card in u.models()]
        self._names: dict[str, Target] = {}
        for upstream in upstreams:
            for card in upstream.models():
                target = Target(upstream, card, f"{upstream.name}:{card.fingerprint}")
                for name in (card.id, *card.aliases):
                    self._names.setdefault(name, target)
        self._aliases(aliases)
        for name in rules:
            if self._names and name not in self._names:
                raise ConfigError(f'[models."{name}"] is about no model here. There are: {self._known()}.')

    def _aliases(self, aliases: Mapping[str, str]) -> None:
        for name, model in aliases.items():
            if model not in self._names and self._names:
                raise ConfigError(
                    f"aliases.{name} leads to {model!r}, which is no model here. There are: {self._known()}."
                )
            if model in self._names:
                self._names[name] = self._names[model]

    def find(self, name: str) -> Target:
        """Raises ``ModelNotFound``, which lists what there is."""
        target = self._names.get(name)
        if target is None:
            known = (
                f"There are: {self._known()}."
                if self._names
                else "No model is loaded (the server runs with model = none)."
            )
            raise ModelNotFound(f"The model {name[:80]!r} does not exist here. {known}", param="model")
        return target

    def _known(self) -> str:
        return ", ".join(sorted(self._names))
