"""The effective configuration with the source of each value, for ``everwarm config``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from everwarm.config.model_tables import RULES
from everwarm.config.setting import rows as members
from everwarm.config.settings import SETTINGS, Config, value_of
from everwarm.config.tables import STREAMS, dotted

if TYPE_CHECKING:
    from rich.table import Table


class Row(NamedTuple):
    """One effective setting."""

    name: str
    value: Any  # text, number, boolean, or a list of text: as JSON has it
    source: str  # "default", "everwarm.toml:12", "EVERWARM_PORT", "--port"


def rows(config: Config) -> list[Row]:
    """Every setting, then the entries of the free tables. Digests of tenants' keys are shortened."""
    out = [Row(s.name, s.kind.show(value_of(config, s.name)), _source(config, s.name)) for s in SETTINGS.values()]
    out += (_row(config, dotted(("aliases", name)), target) for name, target in config.aliases.items())
    for name, rules in config.cache.models.items():
        for key, kind in RULES.items():
            value = getattr(rules, key)
            if value is not None:
                out.append(_row(config, dotted(("models", name, key)), kind.show(value)))
    out += (_row(config, dotted((*STREAMS, name, "mode")), mode) for name, mode in config.layout.streams.items())
    for upstream in config.upstreams:
        out += _members(config, f"upstream.{upstream.name}", upstream)
    for tenant in config.tenants:
        name = f"tenant.{tenant.name}"
        out.append(_row(config, f"{name}.keys", [f"sha256:{d[:8]}..." for d in tenant.digests]))
        out += _members(config, name, tenant)
    return out


def _members(config: Config, name: str, table: Any) -> list[Row]:
    """What one upstream or tenant says beside its name, and its defaults."""
    found = [(s, getattr(table, s.name)) for s in members(type(table)) if s.name != "name"]
    return [_row(config, f"{name}.{s.name}", s.kind.show(value)) for s, value in found if value not in (None, ())]


def _row(config: Config, name: str, value: Any) -> Row:
    return Row(name, value, _source(config, name))


def _source(config: Config, name: str) -> str:
    return config.sources.get(name, "default")


def as_json(config: Config) -> str:
    """JSON text: ``{"version": 1, "file": path or null, "settings": {name: {"value", "source"}}}``. ASCII, indented."""
    shown = {
        "version": 1,
        "file": str(config.file) if config.file else None,
        "settings": {row.name: {"value": row.value, "source": row.source} for row in rows(config)},
    }
    return json.dumps(shown, indent=2)


def show(config: Config) -> Table:
    """For the terminal. What was changed stands out; defaults are dim."""
    from rich.table import Table  # a tenth of a second to import, and only needed here
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("setting", "value", "source"):
        table.add_column(heading, overflow="fold")
    for row in rows(config):
        style = "dim" if row.source == "default" else ""
        table.add_row(Text(row.name), Text(word(row.value)), Text(row.source), style=style)
    return table


def word(value: Any) -> str:
    """A value as TOML writes it, without quotes and brackets."""
    if isinstance(value, list):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
