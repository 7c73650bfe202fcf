"""One workload, one row for each engine."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from rich.table import Table

from benchmarks.engine.engines import Engine
from benchmarks.engine.ideal import unique
from benchmarks.engine.play import Played
from benchmarks.engine.reading import Reader
from benchmarks.engine.workloads import Workload
from benchmarks.servers import console

COLUMNS = ("", "weights", "total s", "ours/it", "computed", "unique", "TTFT ms", "p95", "output/s", "peak MiB")


class Results:
    """A table that grows by one row for each engine. What is compared with the first is its total time."""

    def __init__(self, reader: Reader, workload: Workload) -> None:
        self._reader = reader
        self._table = Table(title=f"{workload.title}, {workload.concurrency} at a time")
        for name in COLUMNS:
            self._table.add_column(name, no_wrap=True, justify="left" if name in {"", "weights"} else "right")
        self._first: float | None = None
        self._notes: list[str] = []

    def add(self, engine: Engine, played: Played, peak_mib: float) -> None:
        """``computed`` and ``unique`` are tokens of prompts; the conversations of two engines differ in their
        answers, and so in these."""
        answers = [one.answer for one in played.asked]
        computed = [answer.computed for answer in answers if answer.computed is not None]
        first = sorted(1000 * answer.first for answer in answers)
        self._first = self._first or played.seconds
        self._table.add_row(
            engine.name,
            engine.quantisation,
            f"{played.seconds:.1f}",
            f"{self._first / played.seconds:.2f}",
            f"{sum(computed):,}" if computed else "not told",
            f"{unique(self._reader, played.asked):,}",
            f"{mean(first):,.0f}",
            f"{first[-(len(first) // 20) - 1]:,.0f}",
            f"{sum(answer.tokens for answer in answers) / played.seconds:.1f}",
            f"{peak_mib:,.0f}",
        )
        self._compare(engine, played)

    def _compare(self, engine: Engine, played: Played) -> None:
        """What was read must be what our tokenizer reads, or the engines did not do the same."""
        ours = sum(len(self._reader.prompt(one.messages)) for one in played.asked)
        theirs = sum(one.answer.prompt for one in played.asked)
        if ours != theirs:
            self.note(f"{engine.name} read {theirs:,} tokens of prompts where our tokenizer reads {ours:,}")

    def note(self, words: str) -> None:
        """Say it below the table."""
        self._notes.append(words)

    def show(self) -> None:
        """Print it."""
        show(self._table, self._notes)


def show(table: Table, notes: Sequence[str]) -> None:
    """A table, and below it what is to be said of it."""
    where = console()
    where.print(table)
    for words in notes:
        where.print(words, markup=False)
