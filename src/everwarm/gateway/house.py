"""What all handlers share: the parts of a running gateway, put together once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from time import time

from everwarm.config import Config
from everwarm.core.reasons import Recent
from everwarm.gateway.auth import Auth
from everwarm.gateway.directory import Directory
from everwarm.gateway.flights import Tower
from everwarm.ledger.book import Ledger
from everwarm.store.tiered import TieredStore


@dataclass(slots=True)
class House:
    """Everything that outlives a request."""

    config: Config
    directory: Directory
    auth: Auth
    disk: Executor  # threads that may wait for a disk
    store: TieredStore | None  # None: cache.enabled = false
    ledger: Ledger | None  # None: ledger.enabled = false
    recent: Recent = field(default_factory=Recent)
    tower: Tower = field(default_factory=Tower)
    clock: Callable[[], float] = time  # seconds since 1970
