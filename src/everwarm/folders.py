"""What lies in a folder: the one way in which a folder that a user names is walked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final

_PASSED: Final = {"node_modules", "__pycache__", "site-packages", "venv", "build", "dist"}


def within(folder: Path, wanted: Callable[[Path], bool], open_to: Collection[str] = ()) -> Iterator[Path]:
    """The files that are wanted, in the order of their names, those in folders behind those beside the folders. Hidden
    ones but those that are named in ``open_to``, and folders with the work of others, are passed; links to folders are
    not followed. Raises ``OSError`` for a folder that cannot be listed."""
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        if (path.name.startswith(".") and path.name not in open_to) or path.name in _PASSED:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from within(path, wanted, open_to)
        elif path.is_file() and wanted(path):
            yield path
