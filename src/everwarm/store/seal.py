"""The installation's secret: 32 random bytes in DATA/secret.key, for its owner only. What it seals: ``core.seal``."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from everwarm.errors import StoreError
from everwarm.store.alone import alone

SECRET_NAME = "secret.key"  # noqa: S105  (the file's name)
SECRET_BYTES = 32

_log = logging.getLogger("everwarm.store")


def load_secret(data_dir: Path) -> bytes:
    """The secret of this installation; made at the first call. Processes that start together get the same one.

    A secret that is lost or damaged is made anew with a warning: what was stored under the old one is then dropped, row
    by row, as it is read, and models are converted anew. Raises StoreError if the folder cannot be read or written.
    """
    path = data_dir / SECRET_NAME
    try:
        make_folder(data_dir)
        return _read(path) or _make(path)
    except OSError as error:
        raise StoreError(
            f"The secret {path} cannot be read or made: {error.strerror or error}. Give this user the right to read "
            "and write it, or choose another folder with --data."
        ) from error


def make_folder(path: Path) -> None:
    """Make a folder and its parents, for the owner only. One that exists keeps its mode."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def _read(path: Path) -> bytes | None:
    try:
        secret = path.read_bytes()
        loose = path.stat().st_mode & 0o077
    except FileNotFoundError:
        return None
    if len(secret) != SECRET_BYTES:
        return None
    if loose and os.name == "posix":
        _log.warning("%s could be read by others; its mode is now 600.", path)
        path.chmod(0o600)
    return secret


def _make(path: Path) -> bytes:
    with alone(path.parent):
        secret = _read(path)  # another process may have been faster
        if secret is not None:
            return secret
        if path.exists() or any(path.parent.glob("*.db")):
            state = "damaged" if path.exists() else "missing"
            _log.warning(
                "The secret %s is %s and is made anew; what was stored under the old one is dropped.", path, state
            )
        secret = secrets.token_bytes(SECRET_BYTES)
        _write(path, secret)
        return secret


def _write(path: Path, secret: bytes) -> None:
    """Whole or not at all: written beside, synced, then renamed over."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
