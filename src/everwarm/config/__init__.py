"""The configuration: built-in default < file < environment < flags. ``settings`` holds the table of all settings."""

from __future__ import annotations

from everwarm.config.read import load
from everwarm.config.reload import Changes, changes, merged
from everwarm.config.setting import Setting
from everwarm.config.settings import (
    SETTINGS,
    Cache,
    Config,
    Engine,
    Ledger,
    Limits,
    Log,
    Metrics,
    ModelRules,
    Stats,
    Telemetry,
)
from everwarm.config.show import as_json, show
from everwarm.config.tenants import Tenant, Tenants
from everwarm.config.upstreams import UpstreamSettings

__all__ = [
    "SETTINGS",
    "Cache",
    "Changes",
    "Config",
    "Engine",
    "Ledger",
    "Limits",
    "Log",
    "Metrics",
    "ModelRules",
    "Setting",
    "Stats",
    "Telemetry",
    "Tenant",
    "Tenants",
    "UpstreamSettings",
    "as_json",
    "changes",
    "load",
    "merged",
    "show",
]
