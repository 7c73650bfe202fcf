"""The configuration: built-in default < file < environment < flags. ``settings`` holds the table of all settings."""

from __future__ import annotations

from everwarm.config.read import load
from everwarm.config.settings import SETTINGS, Cache, Config, Engine, Ledger, Limits, Log, ModelRules, Setting, Stats
from everwarm.config.show import as_json, show
from everwarm.config.tenants import Tenant, Tenants

__all__ = [
    "SETTINGS",
    "Cache",
    "Config",
    "Engine",
    "Ledger",
    "Limits",
    "Log",
    "ModelRules",
    "Setting",
    "Stats",
    "Tenant",
    "Tenants",
    "as_json",
    "load",
    "show",
]
