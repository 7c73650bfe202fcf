"""``everwarm serve`` and ``everwarm stats``: where gateway, engine and ledger meet."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from everwarm import __version__
from everwarm.config import Config
from everwarm.core.upstream import Upstream

if TYPE_CHECKING:
    from everwarm.gateway.house import House


def serve(config: Config) -> int:
    """Run the gateway until it is told to stop."""
    logging.basicConfig(level=config.log.level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # it starts, stops and refuses in our own words
    from everwarm.gateway import serve as gateway

    gateway.run(config, lambda: _upstreams(config), _announce)
    print("Everwarm has stopped.", flush=True)
    return 0


def _upstreams(config: Config) -> list[Upstream]:
    if config.model == "none":
        return []
    from everwarm import engine
    from everwarm.engine.settings import Settings
    from everwarm.progress import Steps

    gguf = None if config.model == "smollm2" else Path(config.model)
    chosen = config.engine
    settings = Settings(chosen.threads or None, chosen.context or None, config.limits.queue, chosen.max_tokens)
    with Steps() as steps:
        return [engine.load(gguf, config.data, settings, steps)]


def _announce(url: str, house: House) -> None:
    """Where it listens, what to try, what to open."""
    cards = house.directory.cards
    name = cards[0].id if cards else "none: requests get a 404"
    lines = [
        f"Everwarm {__version__}",
        f"  listening  {url}",
        f"  model      {name}",
        f"  data       {house.config.data}",
        f"  page       {url}/",
    ]
    if cards:
        body = '{"model": "default", "temperature": 0, "messages": [{"role": "user", "content": "What is a cache?"}]}'
        lines += [
            "  try        (twice: the second answer comes from the cache)",
            f"    curl -i {url}/v1/chat/completions -H 'content-type: application/json' \\",
            f"      -d '{body}'",
        ]
    print("\n".join(lines), flush=True)


def show_stats(config: Config, *, as_json: bool) -> int:
    """Sums over all namespaces, from the ledger's file: it need not be running."""
    import orjson

    from everwarm.ledger.book import Ledger
    from everwarm.ledger.prices import Prices
    from everwarm.ledger.report import render, stats

    path = config.data / "ledger.db"
    if not path.exists():
        print(f"Nothing was asked yet: there is no ledger at {path}. Start with: everwarm serve", file=sys.stderr)
        return 0
    ledger = Ledger(path)
    try:
        told = stats(ledger.sums(None), Prices(config.stats.prices_of))
    finally:
        ledger.close()
    if as_json:
        print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        Console().print(render(told))
    return 0
