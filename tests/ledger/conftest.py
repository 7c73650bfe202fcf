"""Rows for the tests of the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from everwarm.ledger.book import Ledger
from ledger_rows import NOW


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., Ledger]]:
    """Opens the ledger at ``path``; whatever it opened is closed at the end."""
    ledgers: list[Ledger] = []

    def open_(**more: object) -> Ledger:
        ledgers.append(Ledger(path, **{"clock": lambda: NOW, **more}))  # type: ignore[arg-type]
        return ledgers[-1]

    yield open_
    for ledger in ledgers:
        ledger.close()
