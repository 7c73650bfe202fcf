"""One process at a time: a lock on a folder, let go by the system when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from everwarm.errors import StoreError

try:
    import fcntl
except ImportError:
    fcntl = None  # type: ignore[assignment]

WAIT_SECONDS = 30.0  # a migration of a large file may take some
_RETRY = 0.01


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only one in here, among all processes and threads that use this folder. Not to be nested.

    Raises StoreError if another holds it for WAIT_SECONDS. Where a folder cannot be locked (Windows, some network
    disks) we go on without: then only one process may use the folder, which ``serve.lock`` sees to.
    """
    handle = os.open(folder, os.O_RDONLY) if fcntl is not None else None
    try:
        until = time.monotonic() + WAIT_SECONDS
        while handle is not None and not _held(handle):
            if time.monotonic() > until:
                raise StoreError(
                    f"Another process has held {folder} for {WAIT_SECONDS:.0f} s while it opens its files. "
                    "See what it waits for, and end it if it hangs."
                )
            time.sleep(_RETRY)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _held(handle: int) -> bool:
    assert fcntl is not None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # no locks on this disk
    return True
