"""The command ``everwarm lint``. What it needs is imported when it runs, so that ``everwarm --help`` is quick."""

from __future__ import annotations

import argparse
import sys
import time

from everwarm.errors import ConfigError


def add_flags(parser: argparse.ArgumentParser) -> None:
    """What it can be told."""
    parser.add_argument(
        "paths", metavar="PATH", nargs="+", help="a .py, .json or .jsonl file (also .gz, .zst), or a folder"
    )
    parser.add_argument("--price-of", metavar="MODEL", help="price what is lost as this model's tokens")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Exit status: 0 nothing was found, 1 something was, 2 something could not be read, or there is no such price."""
    from everwarm.config.settings import Stats
    from everwarm.ledger.prices import MILLION, Prices
    from everwarm.lint.run import lint
    from everwarm.lint.screen import Rate, print_report

    try:
        price = Prices(args.price_of or Stats().prices_of).find(time.time())
    except ConfigError as e:
        print(f"everwarm: {e.message}", file=sys.stderr)
        return 2
    report = lint(args.paths)
    print_report(report, Rate(price.model, (price.input - price.cache_read) / MILLION), as_json=args.json)
    return report.status
