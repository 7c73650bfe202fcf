"""Requests per second, side by side: who was loaded, and what part of the floor's rate each has."""

from __future__ import annotations

import subprocess
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks.asking import Gateway
from benchmarks.servers import console, load

CONNECTIONS = 32
SIZES = {"2 kB": 2_000, "60 kB": 60_000}

Figures = dict[str, list[dict[str, Any]]]
COLUMNS = ("body", "", "requests/s", "of floor", "bound", "p50 ms", "p99 ms", "CPU us", "of floor's", "client CPU")


class Rates:
    """A table that grows by one section for each size. The first of those loaded is the floor."""

    def __init__(self, title: str, bound: str) -> None:
        self._bound = bound
        self._table = Table(title=f"{title}: {CONNECTIONS} connections, one process each, in turns")
        for name in COLUMNS:
            self._table.add_column(name, no_wrap=True, justify="left" if name in {"body", ""} else "right")
        self._notes: list[str] = []

    def measured(self, asked: dict[str, tuple[Gateway, bytes]], seconds: float, rounds: int) -> Figures:
        """Each loaded in turn, some rounds. Who answers with an error is left out from there on, and that is noted."""
        out: Figures = {who: [] for who in asked}
        for _ in range(rounds):
            for who, (gateway, request) in asked.items():
                try:
                    out[who].append(load(gateway.server, request, seconds=seconds, connections=CONNECTIONS))
                except subprocess.CalledProcessError:
                    self.note(f"{who} answered with an error under load")
        return {who: figures for who, figures in out.items() if figures}

    def section(self, label: str, figures: Figures) -> None:
        """The rows of one size."""
        floor = next(iter(figures))
        rate, cost = middle(figures[floor], "per_second"), middle(figures[floor], "server_us")
        for who, of in figures.items():
            rest = (format(middle(of, name), how) for name, how in (("p50_ms", ".2f"), ("p99_ms", ".2f")))
            spent = middle(of, "server_us")
            self._table.add_row(
                label if who == floor else "",
                who,
                f"{middle(of, 'per_second'):,.0f}",
                f"{middle(of, 'per_second') / rate:.2f}",
                self._bound if who.startswith("ours") else "",
                *rest,
                f"{spent:,.0f}",
                f"{spent / cost:.1f}x" if cost else "",
                f"{middle(of, 'client_cpu'):.0%}",
            )
        self._table.add_section()

    def note(self, words: str) -> None:
        """Say it below the table."""
        self._notes.append(words)

    def show(self) -> None:
        """Print it."""
        where = console()
        where.print(self._table)
        for words in self._notes:
            where.print(words)


def middle(figures: list[dict[str, Any]], name: str) -> float:
    """The median of one figure."""
    return float(median(f[name] for f in figures))
