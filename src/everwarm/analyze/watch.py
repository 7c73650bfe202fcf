"""How far a long analysis is: while files are read with rate and time left; then step by step. On standard error."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from everwarm.analyze.showing.figures import every

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn


class Watch:
    """``total``: bytes of all files on disk; 0 if that is not known, as of standard input. Where standard error is no
    terminal nobody watches, and nothing is drawn or imported."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._console: Console | None = None
        self._bar: Progress | None = None
        self._what = ""

    def __enter__(self) -> Watch:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import DownloadColumn, TransferSpeedColumn

            self._console = Console(stderr=True)
            self._bar = _bar(self._console, DownloadColumn(), TransferSpeedColumn())
            self._bar.start()
            self._task = self._bar.add_task("reading", total=self._total or None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def read(self, count: int) -> None:
        """So many bytes more."""
        if self._bar is not None:
            self._bar.advance(self._task, count)

    def anew(self, one_in: int) -> None:
        """All is read once more, and of so many conversations one is taken."""
        if self._bar is not None:
            what = f"reading {every(one_in)} conversation" if one_in > 1 else "reading once more"
            self._bar.reset(self._task, total=self._total or None, description=f"more than memory holds: {what}")

    def step(self, what: str, done: float) -> None:
        """What is done after reading, and how much of it: 0 to 1. The bar begins anew with each."""
        if self._bar is None or self._console is None:
            return
        if what != self._what:
            self._what = what
            self._bar.stop()
            self._bar = _bar(self._console)
            self._bar.start()
            self._task = self._bar.add_task(what, total=1.0)
        self._bar.update(self._task, completed=done)


def _bar(console: Console, *columns: ProgressColumn) -> Progress:
    """With what is known of the rate in ``columns``."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    first = TextColumn("  {task.description}"), BarColumn()
    return Progress(*first, *columns, TimeRemainingColumn(), console=console, transient=True)
