"""Run the benchmarks: all, or those that are named (``make bench ARGS=hits``)."""

from __future__ import annotations

import argparse
import sys

from benchmarks import entries, hits, passing, rest

ALL = {"hits": hits.run, "passing": passing.run, "rest": rest.run, "entries": entries.run}


def main() -> int:
    """Exit status 1 if a benchmark could not run; what a figure is never decides it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*ALL, []], metavar="NAME", help=f"which ones: {', '.join(ALL)}")
    parser.add_argument("--seconds", type=float, default=4.0, help="length of one measurement (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (default 3); the median counts")
    args = parser.parse_args()
    for name in args.names or ALL:
        ALL[name](seconds=args.seconds, rounds=args.rounds)
    return 0


sys.exit(main())
