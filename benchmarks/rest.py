"""At rest: memory of a gateway without a model, and how long ``everwarm --help`` takes to start."""

from __future__ import annotations

import subprocess
import sys
from statistics import median
from time import perf_counter, sleep

from rich.console import Console
from rich.table import Table

from benchmarks.servers import everwarm


def run(*, seconds: float, rounds: int) -> None:
    """Prints a table."""
    table = Table("what", "figure", "bound", title="At rest")
    with everwarm("--model", "none") as server:
        sleep(min(seconds, 2.0))
        table.add_row("resident memory, no model", f"{server.resident_mib():.0f} MiB", "80 MiB")
    times = [timed([sys.executable, "-m", "everwarm", "--help"]) for _ in range(2 * rounds + 1)]
    bare = [timed([sys.executable, "-c", "import argparse"]) for _ in range(2 * rounds + 1)]
    table.add_row(
        "everwarm --help", f"{median(times):.2f} s (python with argparse alone: {median(bare):.2f} s)", "0.3 s"
    )
    Console().print(table)


def timed(command: list[str]) -> float:
    """Seconds from start to end."""
    begun = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return perf_counter() - begun
