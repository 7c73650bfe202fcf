"""How far a long analysis is: while files are read with rate and time left; then step by step. On standard error."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class Watch:
    """``total``: bytes of all files on disk; 0 if that is not known, as of standard input."""

    def __init__(self, total: int) -> None:
        self._console = Console(stderr=True)
        columns = TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
        self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True)
        self._total = total
        self._task: TaskID | None = None
        self._what = ""

    def __enter__(self) -> Watch:
        if self._console.is_terminal:
            self._bar.start()
            self._task = self._bar.add_task("reading", total=self._total or None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._bar.stop()

    def read(self, count: int) -> None:
        """So many bytes more."""
        if self._task is not None:
            self._bar.advance(self._task, count)

    def step(self, what: str, done: float) -> None:
        """What is done after reading, and how much of it: 0 to 1. The bar begins anew with each."""
        if self._task is None:
            return
        if what != self._what:
            self._what = what
            self._bar.stop()
            columns = TextColumn("  {task.description}"), BarColumn(), TimeRemainingColumn()
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(what, total=1.0)
        self._bar.update(self._task, completed=done)
