"""What a changed configuration asks of a gateway that runs: what it takes up, and what waits for a new start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from everwarm.config.lines import At
from everwarm.config.settings import SETTINGS, Config, build, value_of
from everwarm.config.tables import STREAMS, dotted

APPLIED = frozenset(
    {
        "access",
        "trusted_origins",
        "limits.body_mb",
        "limits.body_seconds",
        "cache.ttl",
        "cache.entry_mb",
        "cache.reuse_sampled",
        "cache.ignore_headers",
        "stats.prices_of",
        "layout.mode",
        "layout.reference",
        "layout.block",
        "layout.keep",
        "layout.breakpoints",
        "log.level",
        "metrics.access",
    }
)
"""Settings that are read anew for each request. The tables (aliases, models, layout.streams, upstream, tenant) are all
of this sort."""

RESTART = frozenset(
    {
        "host",
        "port",
        "data",
        "model",
        "workers",
        "limits.queue",
        "cache.enabled",
        "cache.memory_mb",
        "cache.disk_mb",
        "ledger.enabled",
        "ledger.days",
        "ledger.mb",
        "layout.notes_mb",
        "engine.threads",
        "engine.context",
        "engine.max_tokens",
        "engine.temperature",
        "engine.mode",
        "engine.parallel",
        "engine.drafts",
        "engine.draft",
        "engine.kv_mb",
        "engine.kv_disk_mb",
        "engine.kv_precision",
        "log.format",
        "telemetry.otlp",
        "telemetry.service",
        "metrics.enabled",
    }
)
"""Settings that something was built from at the start: a socket, a process, a file, the model."""


class Changes(NamedTuple):
    """Dotted names of what differs, in the order of the docs."""

    applied: list[str]
    restart: list[str]


def changes(old: Config, new: Config) -> Changes:
    """What differs between two configurations. Where a value was written does not count."""
    differ = [name for name in SETTINGS if value_of(old, name) != value_of(new, name)]
    before, after = _tables(old), _tables(new)
    applied = [name for name in differ if name in APPLIED]
    for table in before:
        applied += (dotted((*table, name)) for name in _differing(before[table], after[table]))
    if not any(name.startswith("upstream.") for name in applied) and old.upstreams != new.upstreams:
        applied.append("upstream")  # the same ones in another order, which is that of their use
    return Changes(applied, [name for name in differ if name in RESTART])


def merged(old: Config, new: Config) -> Config:
    """What is in force after a reload: ``new``, but for what waits for a new start."""
    values = {name: value_of(old if name in RESTART else new, name) for name in SETTINGS}
    tables = {"aliases": new.aliases, "upstreams": new.upstreams, "tenants": new.tenants}
    inner = {"models": new.cache.models, "streams": new.layout.streams}
    return build(values, **tables, **inner, file=new.file, sources=new.sources)


def _tables(config: Config) -> dict[At, Mapping[str, Any]]:
    return {
        ("aliases",): config.aliases,
        ("models",): config.cache.models,
        STREAMS: config.layout.streams,
        ("upstream",): {upstream.name: upstream for upstream in config.upstreams},
        ("tenant",): {tenant.name: tenant for tenant in config.tenants},
    }


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Names that were added, removed or changed."""
    return (name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name))
