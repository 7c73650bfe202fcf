"""Run the benchmarks: the quick ones, or those that are named (``make bench ARGS=hits``)."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

from benchmarks import entries, first_byte, hits, passing, rest, shifted, steady, streams
from benchmarks.analyze import run as analyze
from benchmarks.engine import fidelity, inside
from benchmarks.engine import run as engine
from benchmarks.field import Field
from benchmarks.layout import meaning
from benchmarks.layout import run as layout
from benchmarks.servers import NotStartedError, console

LONG = ("analyze", "entries", "engine", "fidelity", "meaning", "shifted")
"""Those that take many minutes: they run where they are named, or with ``--full``."""


def benchmarks(field: Field, args: argparse.Namespace) -> dict[str, Callable[[], None]]:
    """Each by its name."""
    times = {"seconds": args.seconds, "rounds": args.rounds}
    return {
        "hits": partial(hits.run, field, **times),
        "passing": partial(passing.run, field, **times),
        "first_byte": partial(first_byte.run, field, **times),
        "analyze": partial(analyze.run, megabytes=args.megabytes, requests=args.requests, peers=not args.no_peers),
        "layout": partial(layout.run, field, **times),
        "rest": partial(rest.run, **times),
        "shifted": shifted.run,
        "steady": partial(steady.run, field, full=args.full),
        "streams": streams.run,
        "entries": partial(entries.run, **times),
        "inside": inside.run,
        "meaning": meaning.run,
        "fidelity": partial(fidelity.run, full=args.full),
        "engine": partial(engine.run, only=args.only, beside=() if args.no_peers else args.beside, quick=args.quick),
    }


def main() -> int:
    """Exit status 1 if a benchmark could not run; what a figure is never decides it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one measurement (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (default 3); the median counts")
    parser.add_argument("--full", action="store_true", help="the long ones too, and all requests of steady")
    parser.add_argument("--no-peers", action="store_true", help="without others beside ours")
    of_analyzer = parser.add_argument_group("of the benchmark `analyze`")
    of_analyzer.add_argument("--megabytes", type=int, default=200, help="of the log (default 200)")
    of_analyzer.add_argument("--requests", type=int, default=1_000_000, help="of the trace (default 1,000,000)")
    of_engine = parser.add_argument_group("of the benchmark `engine`")
    of_engine.add_argument("--only", nargs="+", choices=engine.CHOICES, default=engine.CHOICES, help="workloads")
    of_engine.add_argument(
        "--beside", nargs="*", choices=engine.BESIDE, default=engine.BESIDE, help="engines beside ours"
    )
    of_engine.add_argument("--quick", action="store_true", help="few requests, to see that all runs")
    args = parser.parse_args()
    with Field(console(), peers=not args.no_peers) as field:
        table = benchmarks(field, args)
        if unknown := set(args.names) - set(table):
            parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(table)}")
        for name in args.names or [n for n in table if args.full or n not in LONG]:
            try:
                table[name]()
            except NotStartedError as e:
                print(f"{name}: a server of ours did not start: {e}", file=sys.stderr)
                return 1
    return 0


sys.exit(main())
