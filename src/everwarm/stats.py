"""``everwarm stats`` and ``everwarm layout``: what the ledger's file tells. No gateway need be running."""

from __future__ import annotations

import sys
from typing import Any

import orjson
from rich.console import Console

from everwarm.config import Config
from everwarm.ledger.book import Ledger
from everwarm.ledger.prices import Prices
from everwarm.ledger.report import render, render_findings, stats


def show_stats(config: Config, *, as_json: bool) -> int:
    """Sums over all namespaces."""
    told = _told(config)
    if told is not None and as_json:
        print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    elif told is not None:
        Console().print(render(told))
    return 0


def show_findings(config: Config) -> int:
    """What keeps prompts of all namespaces out of a provider's cache."""
    told = _told(config)
    if told is not None:
        Console().print(render_findings(told))
    return 0


def _told(config: Config) -> dict[str, Any] | None:
    """What ``GET /stats`` would say. None, and a word to whom it may concern, if nothing was asked yet."""
    path = config.data / "ledger.db"
    if not path.exists():
        print(f"Nothing was asked yet: there is no ledger at {path}. Start with: everwarm serve", file=sys.stderr)
        return None
    ledger = Ledger(path)
    try:
        return stats(ledger.sums(None), Prices(config.stats.prices_of))
    finally:
        ledger.close()
