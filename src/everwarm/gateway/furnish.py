"""Puts together what outlives a request, and takes it apart again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from everwarm import rules
from everwarm.config import Config
from everwarm.core.upstream import Upstream
from everwarm.counting.counter import Counter
from everwarm.errors import ConfigError
from everwarm.gateway.allowed import Allowed
from everwarm.gateway.arrange import Arranger
from everwarm.gateway.auth import Auth
from everwarm.gateway.door.origin import Origins
from everwarm.gateway.door.patience import Patience
from everwarm.gateway.flights import Tower
from everwarm.gateway.forgetting import follow
from everwarm.gateway.house import House
from everwarm.gateway.rulebook import Rulebook
from everwarm.gateway.upstreams.directory import Directory
from everwarm.gateway.upstreams.headers import Keyed
from everwarm.gateway.upstreams.provider import Provider
from everwarm.gateway.watch.board import Board, clean
from everwarm.gateway.watch.metrics import Metrics
from everwarm.gateway.watch.trace import Tracer
from everwarm.ledger.book import Ledger
from everwarm.lock import file_lock
from everwarm.store.memory import MemoryStore
from everwarm.store.notes import DiskNotes
from everwarm.store.presence import Presence
from everwarm.store.seal import load_secret
from everwarm.store.sqlite import SqliteStore
from everwarm.store.tiered import TieredStore

MIB = 2**20


@contextmanager
def alone(config: Config) -> Iterator[None]:
    """No other Everwarm serves from this data folder meanwhile. Raises ``ConfigError`` if one does."""
    load_secret(config.data)  # makes the folder
    with file_lock(config.data / "serve.lock", lambda: _taken(config)):
        yield


def _taken(config: Config) -> None:
    raise ConfigError(f"Another Everwarm runs on the data folder {config.data}. Choose another one with --data.")


@contextmanager
def furnished(config: Config, upstreams: Sequence[Upstream]) -> Iterator[House]:
    """A house on a data folder that nobody else uses; all is written and closed at the end."""
    with alone(config), shared(config, upstreams) as house:
        yield house


@contextmanager
def shared(config: Config, upstreams: Sequence[Upstream], worker: int | None = None) -> Iterator[House]:
    """A house whose data folder other processes of the same server use too. ``worker``: which of them this is.

    Raises ``ConfigError`` for cache rules of the user that cannot be read or understood, or that an upstream asks for
    and nobody has.
    """
    rulebook = Rulebook(rules.load(config.data / "rules"))
    rulebook.check(config.upstreams)
    with ExitStack() as stack:
        secret = load_secret(config.data)
        threads = ThreadPoolExecutor(4, thread_name_prefix="everwarm")
        stack.callback(threads.shutdown)
        disk_threads = ThreadPoolExecutor(4, thread_name_prefix="everwarm-disk")
        stack.callback(disk_threads.shutdown)
        store = _store(config, secret)
        if store is not None:
            stack.callback(store.close)
        ledger = _ledger(config)
        if ledger is not None:
            stack.callback(ledger.close)
        notes = _notes(config, secret)
        stack.callback(notes.close)
        house = House(
            config,
            Directory(upstreams, config.aliases, config.cache.models, _providers(config)),
            Auth(secret, config),
            threads,
            disk_threads,
            store,
            ledger,
            Patience(config.limits.body_seconds),
            Keyed(config.cache.ignore_headers),
            Origins(config.host, config.trusted_origins),
            Tower(config.cache.entry_mb * MIB),
            Arranger(notes),
            rulebook,
            Allowed(config, rulebook),
            counter=Counter(notes),
            metrics=_metrics(config, worker),
        )
        stack.callback(lambda: house.arranger.close())
        if config.workers > 1:
            follow(house, notes)
        if store is not None:
            store.set_quotas(house.auth.quotas())
        if config.telemetry.otlp:
            house.tracer = Tracer(config.telemetry)
            stack.callback(house.tracer.close)
        yield house


def _providers(config: Config) -> list[Provider]:
    return [Provider(u, u.credential(os.environ)) for u in config.upstreams]


def _store(config: Config, secret: bytes) -> TieredStore | None:
    if not config.cache.enabled:
        return None
    memory = MemoryStore(config.cache.memory_mb * MIB)
    disk = SqliteStore(config.data / "cache.db", secret, config.cache.disk_mb * MIB)
    return TieredStore(memory, disk, presence=Presence(disk.max_bytes) if config.workers == 1 else None)


def _notes(config: Config, secret: bytes) -> DiskNotes:
    return DiskNotes(config.data / "layout.db", secret, config.layout.notes_mb * MIB, alone=config.workers == 1)


def _ledger(config: Config) -> Ledger | None:
    if not config.ledger.enabled:
        return None
    return Ledger(config.data / "ledger.db", max_age_days=config.ledger.days, max_bytes=config.ledger.mb * MIB)


def _metrics(config: Config, worker: int | None) -> Metrics | None:
    if not config.metrics.enabled:
        return None
    return Metrics(Board(boards(config), worker) if worker is not None else None)


def boards(config: Config) -> Path:
    """Where worker processes leave their figures for each other."""
    return config.data / "workers"


def begin_boards(config: Config) -> None:
    """Before the first worker starts."""
    clean(boards(config))
