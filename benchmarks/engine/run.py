"""Which engines do which of the workloads, each with a server of its own for each workload."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp

from benchmarks.engine import edits, restart
from benchmarks.engine.asked import FailedError
from benchmarks.engine.engines import EXACT, OURS, PEERS, Engine, Start
from benchmarks.engine.play import play
from benchmarks.engine.reading import Reader
from benchmarks.engine.table import Results, show
from benchmarks.engine.weights import Forms
from benchmarks.engine.workloads import WORKLOADS
from benchmarks.environments import NotInstalledError
from benchmarks.servers import NotStartedError, console

OTHERS = ("restart", "edits")
CHOICES = (*WORKLOADS, *OTHERS)
"""The names of all workloads."""

BESIDE = tuple(PEERS)


class Runs:
    """The engines that were chosen, and what they are asked."""

    def __init__(self, engines: Sequence[Engine], quick: bool) -> None:
        self._console = console()
        self._engines = engines
        self._quick = quick
        self._forms = Forms(self._console)
        self._reader = Reader(*self._forms.converted)

    def run(self, name: str) -> None:
        """One workload: prints a table."""
        if name == "restart":
            self._restart()
        elif name == "edits":
            self._edits()
        else:
            self._play(name)

    def _play(self, name: str) -> None:
        workload = WORKLOADS[name](self._reader, self._quick)
        results = Results(self._reader, workload)
        for engine in self._engines:
            with (
                self._attempt(name, engine, results.note),
                self._start(workload.concurrency) as start,
                engine.begun(start) as gateway,
            ):
                played = play(gateway, workload)
                self._console.print(f"  {played.seconds:.1f} s")  # so that it is not lost if a later one is interrupted
                results.add(engine, played, gateway.server.peak_mib())
        results.show()

    def _restart(self) -> None:
        rows, notes = restart.table(), list[str]()
        asked = restart.prompts(self._reader, self._quick)
        for engine in self._engines:
            with self._attempt("restart", engine, notes.append), self._start(1) as start:
                restart.add(rows, engine, start, asked)
        show(rows, notes)

    def _edits(self) -> None:
        rows, notes = edits.table(), list[str]()
        asked = edits.asked(self._reader, self._quick)
        for engine in (OURS, EXACT, *self._engines[1:]):
            with self._attempt("edits", engine, notes.append), self._start(1) as start:
                edits.add(rows, engine, start, asked)
        show(rows, notes)

    @contextmanager
    def _start(self, slots: int) -> Iterator[Start]:
        with TemporaryDirectory() as folder:
            yield Start(self._forms, self._console, Path(folder), slots)

    @contextmanager
    def _attempt(self, workload: str, engine: Engine, note: Callable[[str], None]) -> Iterator[None]:
        """Ours must run; of another that does not, it is said why."""
        self._console.print(f"{workload}: {engine.name} {engine.quantisation} ...")
        try:
            yield
        except (NotInstalledError, NotStartedError, FailedError, aiohttp.ClientError) as e:
            if engine in (OURS, EXACT):
                raise NotStartedError(str(e)) from e
            note(f"{engine.name} {engine.quantisation} is left out: {type(e).__name__}: {e}")


def run(*, only: Sequence[str], beside: Sequence[str], quick: bool) -> None:
    """Prints a table for each workload that is named. ``beside``: names of the engines beside ours. ``quick``: few
    requests, to see that all runs."""
    runs = Runs([OURS, *(PEERS[name] for name in beside)], quick)
    for name in only:
        runs.run(name)
