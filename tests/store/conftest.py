"""Helpers for the tests of the stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from everwarm.store.sqlite import SqliteStore

SECRET = bytes(range(32))
Opener = Callable[..., SqliteStore]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Opener]:
    """Opens the store at ``path``; whatever it opened is closed at the end."""
    stores: list[SqliteStore] = []

    def open_(secret: bytes = SECRET, max_bytes: int = 2**24, **more: object) -> SqliteStore:
        stores.append(SqliteStore(path, secret, max_bytes, **more))  # type: ignore[arg-type]
        return stores[-1]

    yield open_
    for store in stores:
        store.close()
