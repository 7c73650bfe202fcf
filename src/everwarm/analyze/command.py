"""The commands ``everwarm analyze`` and ``everwarm explain``."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from everwarm.errors import BadRequest, StoreError

if TYPE_CHECKING:
    from everwarm.analyze.report import Report
    from everwarm.core.analysis.account import RuleOf

REPLAYED: Final = 2_000
"""Calls with which repairs are tried, unless the user says otherwise."""

MEMORY: Final = 1_100
"""Megabytes for what is read, unless the user says otherwise. With the program it is some 100 more."""


def add_analyze(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    parser.add_argument(
        "paths",
        metavar="PATH",
        nargs="+",
        help="logs of requests in any form that is known here, transcripts of coding agents, traces; also packed"
        " (gzip, zstd), folders, - for standard input",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page to look at, whole in one file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--sql", type=Path, metavar="FILE", help="write a SQLite database, one row a call")
    parser.add_argument("--fail-under", type=float, metavar="PERCENT", help="exit with 1 if fewer tokens were read")
    parser.add_argument("--redact", action="store_true", help="show no text of any prompt")
    parser.add_argument(
        "--memory",
        type=_megabytes,
        default=MEMORY,
        metavar="MB",
        help=f"for what is read ({MEMORY:,}); of a log with more in it some conversations are looked at",
    )
    parser.add_argument(
        "--replay", type=int, default=REPLAYED, metavar="N", help=f"calls that repairs are tried with ({REPLAYED:,})"
    )


def add_explain(parser: argparse.ArgumentParser) -> None:
    """Its flags."""
    parser.add_argument("paths", metavar="FILE", nargs="+", help="two requests as JSON, or a log with --request")
    parser.add_argument("--request", type=int, metavar="N", help="the request in line N of the log")
    parser.add_argument("--redact", action="store_true", help="show no text of any prompt")


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's search for cycles: there are none in millions of prompts, rows and calls that are kept. Nor is
    what is left in the end, modules and prices, looked through once more when the program ends."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@_uncollected()
def analyze(args: argparse.Namespace, rules: Path) -> int:
    """``rules``: the folder with rules of one's own. Exit status: 1 if no call was found, or too little was cached."""
    from everwarm.analyze.analysis import analyse
    from everwarm.analyze.reading.log import read_all
    from everwarm.analyze.showing.output import as_json, redact, too_low
    from everwarm.analyze.showing.sql import Tables
    from everwarm.analyze.watch import Watch

    tables = Tables(args.sql, redacted=args.redact) if args.sql else None
    with Watch(_bytes(args.paths)) as watch:
        logs = read_all(args.paths, watch.read, watch.anew, args.memory * 1e6)
        also = tables.add if tables else None
        report = analyse(logs, _rules(rules), watch.step, args.replay, also)
    if args.redact:
        redact(report)
    if tables:
        tables.write(report)
    if args.html:
        _write(args.html, report)
    if args.json:
        sys.stdout.buffer.write(as_json(report))
    else:
        _show(report)
    if not report.total.calls and not report.traces:
        return 1
    why = too_low(report.total, args.fail_under) if args.fail_under is not None else ""
    if why:
        print(f"everwarm: {why}", file=sys.stderr)
    return 1 if why else 0


@_uncollected()
def explain(args: argparse.Namespace, rules: Path) -> int:
    """The second of two requests, or one of a log and the one that it should have continued."""
    from rich.console import Console

    from everwarm.analyze.explain import pair_of, shown
    from everwarm.analyze.reading.log import read_all
    from everwarm.analyze.sums.money import Money
    from everwarm.core.analysis.account import Accounts

    logs = read_all(args.paths, lambda _: None)  # in any memory, for one is asked for
    calls = [call for call in logs.gather.finish() if call.tokens]
    if args.request is not None:
        last = next((n for n, call in enumerate(calls) if call.place.line == args.request), None)
        if last is None:
            raise BadRequest(f"{args.paths[0]}: there is no request in line {args.request}.", param="--request")
        calls = calls[: last + 1]
    elif len(calls) != 2:
        raise BadRequest(
            f"{' and '.join(args.paths)}: there are {len(calls):,} requests, not two. Name two files with one request"
            " each, or a log and --request N, the line of one in it."
        )
    prompts, rule_of = logs.gather.prompts, _rules(rules)
    accounts = Accounts(prompts, rule_of, anchors=logs.gather.hidden)
    pair = pair_of(prompts, accounts, Money(rule_of), calls)
    Console(soft_wrap=True, highlight=False).print(shown(pair, redacted=args.redact))
    return 0


def _rules(folder: Path) -> RuleOf:
    from everwarm.rules import load

    return load(folder).of


def _megabytes(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of megabytes: 1 or more, as 2000")
    return int(text)


def _show(report: Report) -> None:
    from rich.console import Console

    from everwarm.analyze.showing.screen import screen

    console = Console(highlight=False)
    console.print(screen(report, console.width))


def _bytes(paths: Sequence[str]) -> int:
    """On disk, of all files that are named; 0 if one is no file."""
    found = [Path(path) for path in paths]
    if not all(path.exists() for path in found):
        return 0
    return sum(
        each.stat().st_size
        for path in found
        for each in (path.rglob("*") if path.is_dir() else (path,))
        if each.is_file()
    )


def _write(path: Path, report: Report) -> None:
    from everwarm.analyze.showing.page import page

    try:
        path.write_text(page(report), encoding="utf-8")
    except OSError as e:
        raise StoreError(f"{path} cannot be written: {e.strerror or e}.") from None
