"""Progress of slow steps, on standard error: a bar on a terminal, a line a step elsewhere (a log, CI)."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Steps:
    """Call it with what is being done and how much of it is (0 ... 1). A new ``what`` is a new step."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("  {task.description}"), BarColumn(), TimeElapsedColumn(), console=self._console
        )
        self._task: TaskID | None = None
        self._what = ""

    def __enter__(self) -> Steps:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, what: str, done: float) -> None:
        if what != self._what:
            self._begin(what)
        if self._task is not None:
            self._bar.update(self._task, completed=done)

    def _begin(self, what: str) -> None:
        self._what = what
        if not self._console.is_terminal:
            self._console.print(f"  {what} ...", highlight=False)
            return
        if self._task is not None:
            self._bar.update(self._task, completed=1.0)
        self._task = self._bar.add_task(what, total=1.0)
