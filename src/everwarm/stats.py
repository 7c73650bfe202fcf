"""``everwarm stats`` and ``everwarm layout``: what the ledger's file tells. No gateway need be running."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from everwarm.config import Config
from everwarm.config.problems import hint, nearest
from everwarm.ledger.book import Ledger
from everwarm.ledger.findings import Counted
from everwarm.ledger.prices import Prices
from everwarm.ledger.report import render, render_findings, stats
from everwarm.ledger.streams import listed


def show_stats(config: Config, *, as_json: bool) -> int:
    """Sums over all namespaces."""
    ledger = _opened(config)
    if ledger is None:
        return 0
    with closing(ledger):
        told = _told(config, ledger)
    if as_json:
        print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        Console().print(render(told))
    return 0


def show_findings(config: Config) -> int:
    """What keeps prompts of all namespaces out of a provider's cache, and in which streams they come."""
    ledger = _opened(config)
    if ledger is None:
        return 0
    with closing(ledger):
        told, counted = _told(config, ledger), ledger.streams()
    console = Console()
    console.print(render_findings(told), Text(), listed(counted, config.layout.streams), sep="\n")
    for line in _unseen(config, counted):
        console.print(Text(line, style="yellow"), soft_wrap=True)
    return 0


def _opened(config: Config) -> Ledger | None:
    """The ledger; None, and a word to whom it may concern, if nothing was asked yet."""
    path = config.data / "ledger.db"
    if path.exists():
        return Ledger(path)
    print(f"Nothing was asked yet: there is no ledger at {path}. Start with: everwarm serve", file=sys.stderr)
    return None


def _told(config: Config, ledger: Ledger) -> dict[str, Any]:
    """What ``GET /stats`` would say."""
    return stats(ledger.sums(None), Prices(config.stats.prices_of))


def _unseen(config: Config, counted: Sequence[Counted]) -> Iterator[str]:
    """A line for each stream that the settings name and nobody has seen: is it a slip?"""
    seen = [one.stream for one in counted]
    for name in config.layout.streams:
        if name not in seen:
            where = config.sources[f"layout.streams.{name}.mode"]
            yield f"{where}: no request of stream {name} was seen in the last week.{hint(nearest(name, seen))}"
