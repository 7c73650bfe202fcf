"""``[aliases]`` and ``[models."NAME"]``: other names for a model, and what differs for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from everwarm.config.kinds import Kind, is_plain
from everwarm.config.problems import describe
from everwarm.config.settings import SETTINGS, ModelRules
from everwarm.config.tables import Tables, dotted

RULES: Mapping[str, Kind[Any]] = {
    "ttl": SETTINGS["cache.ttl"].kind,
    "reuse_sampled": SETTINGS["cache.reuse_sampled"].kind,
    "layout": SETTINGS["layout.mode"].kind,
}
"""What can be said of one model; ``settings.ModelRules`` has the same names."""


def aliases(tables: Tables, sources: dict[str, str]) -> dict[str, str]:
    """Name -> model id."""
    table = tables.table(("aliases",))
    good = {}
    for name, target in table.items():
        path = ("aliases", name)
        if not isinstance(target, str) or not is_plain(target) or not is_plain(name):
            tables.add(path, f"found {describe(target)}; allowed is the id of a model, as text.")
        elif target in table:
            tables.add(path, f"{describe(target)} is an alias itself; name the model that it stands for.")
        else:
            good[name] = target
            sources[dotted(path)] = tables.document.source(path)
    return good


def models(tables: Tables, sources: dict[str, str]) -> dict[str, ModelRules]:
    """Model id -> what differs for it."""
    others = tables.document.data.get("aliases")
    good = {}
    for name in tables.table(("models",)):
        path = ("models", name)
        if isinstance(others, dict) and name in others:
            tables.add(path, f'is an alias; write the model: [models."{describe(others[name])[1:-1]}"].')
        elif not is_plain(name):
            tables.add(path, "is not the id of a model.")
        else:
            found = tables.values(path, tables.table(path), RULES)
            good[name] = ModelRules(**found)
            sources.update({dotted((*path, key)): tables.document.source((*path, key)) for key in found})
    return good
