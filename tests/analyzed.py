"""Logs for tests: what the whole analysis makes of files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from everwarm.analyze.analysis import analyse
from everwarm.analyze.reading.log import Logs, read_all
from everwarm.analyze.report import Report, Step
from everwarm.rules import load
from logged import json_lines

START = 1_764_000_000.0
"""Seconds since 1970 at the first call of a log that is made here."""


def gathered(*paths: Path) -> Logs:
    """All that is in some files, read; not yet finished."""
    return read_all([str(path) for path in paths], lambda _: None)


def analysed(*paths: Path, **options: Any) -> Report:
    """The report of some files, under the packaged rules."""
    return analyse(gathered(*paths), load().of, lambda what, done: None, **options)


def entry(body: dict[str, Any], at: float, **others: Any) -> dict[str, Any]:
    """A line of a log, sent so many seconds after ``START``."""
    return {"timestamp": START + at, "request": body, **others}


def written(path: Path, rows: Iterable[Any]) -> Path:
    """A log with a line for each."""
    path.write_bytes(json_lines(*rows))
    return path


def step(report: Report, cause: str, what: str = "") -> Step:
    """The one with this cause."""
    return next(each for each in report.total.steps if (each.cause, each.what) == (cause, what))
