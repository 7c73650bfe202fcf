"""Every setting, once: name, type, default, bounds, help and flag. Reading, showing and the docs all come from here.

The tree below is the effective configuration and the table at the same time: a field made with ``setting`` is a
setting, and ``SETTINGS`` is the list of them by dotted name. Sizes in ``_mb`` are MiB, times are seconds. What can be
there several times, ``[[upstream]]`` and ``[[tenant]]``, is made likewise in files of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from everwarm.config.addresses import Origin, Url
from everwarm.config.kinds import Choice, DraftWeights, Duration, Folder, Number, Switch, Text, Weights, Whole
from everwarm.config.layout import Layout
from everwarm.config.names import HeaderPattern, Listed
from everwarm.config.setting import Setting, rows, setting
from everwarm.config.tenants import Tenants
from everwarm.config.upstreams import UpstreamSettings
from everwarm.core.layout.finding import Mode

YEAR = 365 * 86400.0


def home_of(env: Mapping[str, str]) -> Path | None:
    """The user's folder, or None if this machine does not say."""
    named = env.get("HOME") or env.get("USERPROFILE")
    if named:
        return Path(named)
    try:
        return Path.home()
    except RuntimeError:
        return None


def default_data(env: Mapping[str, str], platform: str) -> Path:
    """Where data lives unless told: the platform decides. A relative XDG folder is ignored, as the standard says."""
    home = home_of(env) or Path.cwd()
    if platform == "darwin":
        return home / "Library" / "Application Support" / "everwarm"
    if platform == "win32":
        return Path(env.get("LOCALAPPDATA") or home / "AppData" / "Local") / "everwarm"
    xdg = env.get("XDG_DATA_HOME", "")
    return (Path(xdg) if xdg.startswith("/") else home / ".local" / "share") / "everwarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    body_mb: int = setting(20, Whole(1, 1024), "largest request body, in MiB")
    body_seconds: float = setting(60.0, Number(1, 3600), "time for a request body to arrive, in seconds")
    queue: int = setting(256, Whole(1, 100_000), "requests that may wait for the model; more get a 503")


@dataclass(frozen=True, slots=True)
class ModelRules:
    """What ``[models."NAME"]`` says; None where it says nothing."""

    ttl: float | None = None
    reuse_sampled: bool | None = None
    layout: Mode | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    enabled: bool = setting(True, Switch(), "remember answers, and answer the same request from memory")
    ttl: float = setting(86400.0, Duration(1, 10 * YEAR), "how long an answer is kept")
    memory_mb: int = setting(64, Whole(1, 1_048_576), "answers kept in memory, at most, in MiB")
    disk_mb: int = setting(1024, Whole(1, 67_108_864), "answers kept on disk, at most, in MiB")
    entry_mb: int = setting(8, Whole(1, 1024), "largest answer that is kept, in MiB")
    reuse_sampled: bool = setting(True, Switch(), "reuse answers that were sampled (temperature above 0) too")
    ignore_headers: tuple[str, ...] = setting(
        (), Listed(HeaderPattern()), "request headers that reach the upstream and yet make no other question"
    )
    models: Mapping[str, ModelRules] = field(default_factory=dict)

    def ttl_of(self, *names: str) -> float:
        """Seconds that an answer of this model is kept: the rule of the first of its names that has one."""
        return next((r.ttl for n in names if (r := self.models.get(n)) and r.ttl is not None), self.ttl)

    def reuse_of(self, *names: str) -> bool:
        """Whether sampled answers of this model are reused: likewise."""
        rules = (r for n in names if (r := self.models.get(n)))
        return next((r.reuse_sampled for r in rules if r.reuse_sampled is not None), self.reuse_sampled)

    def layout_of(self, *names: str) -> Mode | None:
        """The mode of the layout engine that the first of a model's names has a rule about, if one has."""
        return next((r.layout for n in names if (r := self.models.get(n)) and r.layout is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    enabled: bool = setting(True, Switch(), "keep one row a request (sizes, times, tokens; never its text)")
    days: int = setting(30, Whole(1, 3650), "rows older than this are dropped, in days")
    mb: int = setting(256, Whole(1, 1_048_576), "size of the ledger, at most, in MiB; the oldest rows go first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    prices_of: str = setting(
        "gpt-5-mini",
        Text("the name of a model that has a public price"),
        "savings are priced as this model's tokens",
        flag="--prices-of",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    threads: int = setting(0, Whole(0, 1024), "threads of the model inside; 0 chooses")
    context: int = setting(
        0, Whole(0, 1_048_576), "longest prompt and answer together, in tokens; 0 is the model's own"
    )
    max_tokens: int = setting(1024, Whole(1, 1_048_576), "longest answer where the request names no bound, in tokens")
    temperature: float = setting(
        0.2, Number(0, 2), "where the request names none; 0 is greedy, and a small model at 1 often finds no end"
    )
    mode: str = setting(
        "fast", Choice("fast", "exact"), "reuse prefixes to the token, or so that greedy answers never change by a bit"
    )
    parallel: int = setting(16, Whole(1, 64), "answers computed at a time; mode exact has a number of its own")
    drafts: bool = setting(True, Switch(), "look up what may come next, and verify it several tokens at a time")
    draft: str = setting(
        "", DraftWeights(), "a smaller model of the same vocabulary that guesses what comes next", flag="--draft"
    )
    kv_mb: int = setting(
        0, Whole(0, 1_048_576), "KV cache in memory, in MiB; 0: an eighth of the machine's memory, at most 2048"
    )
    kv_disk_mb: int = setting(2048, Whole(0, 67_108_864), "KV cache on disk, at most, in MiB; 0: none")
    kv_precision: str = setting(
        "f16", Choice("f16", "u8"), "what the KV cache is kept in: u8 holds nearly twice the tokens, and rounds"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    level: str = setting("info", Choice("debug", "info", "warning", "error"), "what is worth a line of log")
    format: str = setting("text", Choice("text", "json"), "lines to read, or one JSON object a line")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    otlp: str = setting(
        "",
        Url('an address such as "http://localhost:4318", or "" for none', or_empty=True),
        "where traces are sent, over OTLP/HTTP",
    )
    service: str = setting("everwarm", Text(), "what we are called there")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    enabled: bool = setting(True, Switch(), "answer GET /metrics with figures in Prometheus' text format")
    access: str = setting(
        "auto",
        Choice("auto", "local", "open"),
        "who may read them: programs on this machine (auto: unless tenants only may ask), or everybody",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The effective configuration. ``Config()`` is the built-in default."""

    host: str = setting("127.0.0.1", Text("an address or host name"), "address to listen on", flag="--host")
    port: int = setting(8400, Whole(0, 65535), "port to listen on; 0 takes any free one", flag="--port")
    data: Path = field(
        default_factory=lambda: default_data(os.environ, sys.platform),
        metadata={
            "kind": Folder(),
            "help": "folder for everything that is remembered",
            "flag": "--data",
            "default_text": "`~/.local/share/everwarm`, or the platform's own",
        },
    )
    model: str = setting("smollm2", Weights(), "the model inside; none runs without one", flag="--model")
    workers: int = setting(1, Whole(1, 64), "processes that answer", flag="--workers")
    access: str = setting(
        "auto",
        Choice("auto", "open", "tenants"),
        "who may ask: everybody, or tenants with a key only; auto is tenants where others could spend our credential",
    )
    trusted_origins: tuple[str, ...] = setting(
        (), Listed(Origin()), "hosts whose pages may call from a browser, beside our own"
    )
    limits: Limits = field(default_factory=Limits)
    cache: Cache = field(default_factory=Cache)
    ledger: Ledger = field(default_factory=Ledger)
    stats: Stats = field(default_factory=Stats)
    layout: Layout = field(default_factory=Layout)
    engine: Engine = field(default_factory=Engine)
    log: Log = field(default_factory=Log)
    telemetry: Telemetry = field(default_factory=Telemetry)
    metrics: Metrics = field(default_factory=Metrics)
    upstreams: tuple[UpstreamSettings, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)  # name -> model id
    tenants: Tenants = field(default_factory=Tenants)
    file: Path | None = None  # what was read, if anything
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)  # dotted name -> where its value is from

    def tenant_of(self, credential: bytes) -> str | None:
        """The name of the tenant that holds this credential; None if no tenant does."""
        return self.tenants.of(credential)

    @property
    def tenants_only(self) -> bool:
        """Whether a caller must be a tenant.

        With ``access = "auto"``: if others can reach us (``host`` is not a loopback address) and would spend a
        credential of ours (some upstream has ``key_env``).
        """
        exposed = not is_loopback(self.host) and any(u.key_env for u in self.upstreams)
        return self.access == "tenants" or (self.access == "auto" and exposed)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there. A name other than ``localhost`` is not trusted to."""
    try:
        return host.lower() == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


SECTIONS: Mapping[str, type[Any]] = {
    "limits": Limits,
    "cache": Cache,
    "ledger": Ledger,
    "stats": Stats,
    "layout": Layout,
    "engine": Engine,
    "log": Log,
    "telemetry": Telemetry,
    "metrics": Metrics,
}


SETTINGS: Mapping[str, Setting] = {
    row.name: row for some in (rows(Config), *(rows(cls, name + ".") for name, cls in SECTIONS.items())) for row in some
}
"""All settings that have one name, in the order of the docs. Aliases, models, upstreams, tenants are tables."""


def value_of(config: Config, name: str) -> Any:
    """The value of a setting by its dotted name."""
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def build(values: Mapping[str, Any], **tables: Any) -> Config:
    """A ``Config`` of values by dotted name; what is not there has its default. ``tables`` are fields of ``Config``."""
    top = {name: value for name, value in values.items() if "." not in name}
    sections = {name: _under(values, name) for name in SECTIONS}
    sections["cache"]["models"] = tables.pop("models", {})
    sections["layout"]["streams"] = tables.pop("streams", {})
    return Config(**top, **{name: SECTIONS[name](**part) for name, part in sections.items()}, **tables)


def _under(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    start = section + "."
    return {name[len(start) :]: value for name, value in values.items() if name.startswith(start)}
