"""What all handlers share: the parts of a running gateway, put together once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from time import time
from typing import TYPE_CHECKING

from everwarm.config import Config
from everwarm.core.reasons import Recent
from everwarm.counting.counter import Counter
from everwarm.gateway.auth import Auth
from everwarm.gateway.door.origin import Origins
from everwarm.gateway.door.patience import Patience
from everwarm.gateway.flights import Tower
from everwarm.gateway.memo import Memo
from everwarm.gateway.upstreams.directory import Directory
from everwarm.gateway.upstreams.headers import Keyed
from everwarm.gateway.upstreams.provider import Provider
from everwarm.gateway.watch.metrics import Metrics
from everwarm.gateway.watch.trace import Tracer
from everwarm.ledger.book import Ledger
from everwarm.store.tiered import TieredStore

if TYPE_CHECKING:
    from everwarm.gateway.allowed import Allowed
    from everwarm.gateway.arrange import Arranger
    from everwarm.gateway.ask import Question
    from everwarm.gateway.rulebook import Rulebook


@dataclass(slots=True)
class House:
    """Everything that outlives a request. ``config`` and what is made of it may be replaced while it runs."""

    config: Config
    directory: Directory
    auth: Auth
    threads: Executor  # for work that would hold up the event loop: large bodies and answers
    disk_threads: Executor  # for waiting for a disk: one that hangs must not keep bodies from being understood
    store: TieredStore | None  # None: cache.enabled = false
    ledger: Ledger | None  # None: ledger.enabled = false
    patience: Patience
    keyed: Keyed
    origins: Origins
    tower: Tower
    arranger: Arranger
    rulebook: Rulebook
    allowed: Allowed
    questions: Memo[Question] = field(default_factory=Memo)
    recent: Recent = field(default_factory=Recent)
    counter: Counter = field(default_factory=Counter)
    drops: dict[str, float] = field(default_factory=dict)  # namespace -> when it last dropped entries, by ``clock``
    clock: Callable[[], float] = time  # seconds since 1970
    metrics: Metrics | None = None  # None: metrics.enabled = false
    tracer: Tracer | None = None  # None: no telemetry.otlp
    retired: list[Provider] = field(default_factory=list)  # upstreams of earlier configurations
    stopping: bool = False  # it was told to stop: no new work, please
