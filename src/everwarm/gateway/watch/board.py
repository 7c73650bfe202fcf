"""Where several worker processes leave their figures for each other: a file each, in a folder of the data folder.

Who is asked for the figures leaves its own first and then adds up what is there. So what was told once is never more
than what the files hold, and a sum never falls: a scraper would take that for a new start. A process that takes the
place of one that died goes on from what that one left.
"""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path
from time import monotonic
from typing import Final

import orjson

from everwarm.gateway.watch.figures import Figures, add, lasting, read, written

log = logging.getLogger("everwarm.gateway")

EVERY: Final = 1.0
"""Seconds between two times that a process leaves its figures unasked."""
_WARN_SECONDS: Final = 60.0


class Board:
    """Of one worker. Thread-safe; reads and writes the disk, so it belongs in a worker thread."""

    def __init__(self, folder: Path, index: int) -> None:
        self._folder = folder
        self._mine = folder / f"{index}.json"
        self._lock = threading.Lock()
        self._warned = float("-inf")
        self._before = lasting(self._read(self._mine)) if self._mine.exists() else {}

    def leave(self, figures: Figures) -> Figures:
        """Leave what this process has counted; the sum of all."""
        mine = dict(self._before)
        add(mine, figures)
        with self._lock:
            self._write(mine)
            for path in self._folder.glob("*.json"):
                if path != self._mine:
                    add(mine, self._read(path))
        return mine

    def _write(self, figures: Figures) -> None:
        beside = self._mine.with_suffix(".new")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(orjson.dumps(written(figures)))
            beside.replace(self._mine)
        except OSError as e:
            self._complain(self._mine, e)

    def _read(self, path: Path) -> Figures:
        try:
            return read(orjson.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError) as e:  # not there, no JSON, or JSON of another shape
            self._complain(path, e)
            return {}

    def _complain(self, path: Path, error: Exception) -> None:
        if monotonic() - self._warned >= _WARN_SECONDS:
            self._warned = monotonic()
            log.warning("The figures in %s are out of date (%s).", path, type(error).__name__)


def clean(folder: Path) -> None:
    """Before the first worker: a new start counts from zero."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
