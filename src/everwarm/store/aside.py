"""Damaged files are not deleted: they are renamed, and the newest few are kept."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from pathlib import Path

from everwarm.errors import StoreError

SIDES = ("-wal", "-shm")
KEPT_ASIDE = 3
"""Damaged files that are kept per name; older ones are removed, so that a bad disk does not fill itself."""

_log = logging.getLogger("everwarm.store")


def set_aside(path: Path, now: float) -> Path:
    """Rename the file and its -wal and -shm; say where to. Raises StoreError if it cannot be renamed.

    Another process may have it open: it goes on in the renamed file until it sees that (``file.is_moved``), and SQLite
    takes away neither log nor index of a file that was renamed under it.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 0
    while any(Path(f"{aside}{side}").exists() for side in ("", *SIDES)):
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    try:
        for side in (*SIDES, ""):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{path}{side}", f"{aside}{side}")
    except OSError as error:
        raise StoreError(
            f"{path} is damaged and cannot be renamed ({error.strerror}). Move it away by hand."
        ) from error
    _forget_oldest(path)
    return aside


def _forget_oldest(path: Path) -> None:
    aside = [p for p in path.parent.glob(f"{path.name}.corrupt-*") if not p.name.endswith(SIDES)]
    for old in sorted(aside, key=lambda p: p.stat().st_mtime)[:-KEPT_ASIDE]:
        for side in ("", *SIDES):
            with contextlib.suppress(OSError):
                Path(f"{old}{side}").unlink()
        _log.warning("%s is removed: the %d newest damaged files are kept.", old, KEPT_ASIDE)
