"""Segments of other identities in the same folder: left by another model, build or setting, and of use when that comes
back. They are left alone as long as all fit; then the identity that was used longest ago goes, whole."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from everwarm.store.segment_file import name_of

_log = logging.getLogger("everwarm.store")


class OtherSegments:
    """The subfolders of ``folder`` that are named as ``home`` is, without it. To be used by one thread at a time."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder = folder
        self._home = home
        self._left: list[tuple[str, int]] = []  # path and bytes; the one used last is first

    def survey(self) -> None:
        """Look what there is. Raises OSError."""
        with os.scandir(self._folder) as entries:
            others = [e for e in entries if e.name != self._home.name and _is_ours(e)]
        others.sort(key=lambda e: e.stat().st_mtime, reverse=True)
        self._left = [(e.path, _bytes_in(e.path)) for e in others]

    def fit(self, room: int) -> None:
        """Remove as few as it takes until they fit into so many bytes."""
        while self._left and sum(size for _, size in self._left) > room:
            path, size = self._left.pop()
            shutil.rmtree(path, ignore_errors=True)
            _log.info("%s (%d bytes of KV segments of another model or setting) gave way.", path, size)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    return name_of(entry.name) is not None and entry.is_dir(follow_symlinks=False)


def _bytes_in(path: str) -> int:
    with os.scandir(path) as entries:
        return sum(e.stat(follow_symlinks=False).st_size for e in entries)
