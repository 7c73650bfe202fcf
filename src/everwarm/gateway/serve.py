"""Puts a gateway together and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import cast

import uvicorn

from everwarm.config import Config
from everwarm.core.upstream import Upstream
from everwarm.errors import ConfigError
from everwarm.gateway.app import App
from everwarm.gateway.auth import Auth
from everwarm.gateway.connection import Connection
from everwarm.gateway.deadlines import Deadlines
from everwarm.gateway.directory import Directory
from everwarm.gateway.flights import Tower
from everwarm.gateway.headers import Keyed
from everwarm.gateway.house import House
from everwarm.gateway.patience import Patience
from everwarm.gateway.provider import Provider
from everwarm.ledger.book import Ledger
from everwarm.lock import file_lock
from everwarm.store.memory import MemoryStore
from everwarm.store.seal import load_secret
from everwarm.store.sqlite import SqliteStore
from everwarm.store.tiered import TieredStore

MIB = 2**20
KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than the clients' pools keep theirs, so that they close first."""
GRACE = 10
"""Seconds that answers under way may take to finish once the server was told to stop."""

GARBAGE = (10_000, 20, 20)
"""A request leaves no cycles behind, so the collector may come less often than by default (700, 10, 10)."""

Announce = Callable[[str, House], None]


@contextmanager
def furnished(config: Config, upstreams: Sequence[Upstream]) -> Iterator[House]:
    """A house with its store and ledger open; closed, and all written, at the end."""
    with ExitStack() as stack:
        secret = load_secret(config.data)
        stack.enter_context(file_lock(config.data / "serve.lock", lambda: _taken(config)))
        threads = ThreadPoolExecutor(4, thread_name_prefix="everwarm")
        stack.callback(threads.shutdown)
        store = _store(config, secret)
        if store is not None:
            stack.callback(store.close)
        ledger = _ledger(config)
        if ledger is not None:
            stack.callback(ledger.close)
        yield House(
            config,
            Directory(upstreams, config.aliases, config.cache.models, _providers(config)),
            Auth(secret, config),
            threads,
            store,
            ledger,
            Patience(config.limits.body_seconds),
            Keyed(config.cache.ignore_headers),
            Tower(config.cache.entry_mb * MIB),
        )


def _providers(config: Config) -> list[Provider]:
    return [Provider(u, u.credential(os.environ)) for u in config.upstreams]


def _taken(config: Config) -> None:
    raise ConfigError(f"Another Everwarm runs on the data folder {config.data}. Choose another one with --data.")


def _store(config: Config, secret: bytes) -> TieredStore | None:
    if not config.cache.enabled:
        return None
    memory = MemoryStore(config.cache.memory_mb * MIB)
    return TieredStore(memory, SqliteStore(config.data / "cache.db", secret, config.cache.disk_mb * MIB))


def _ledger(config: Config) -> Ledger | None:
    if not config.ledger.enabled:
        return None
    return Ledger(config.data / "ledger.db", max_age_days=config.ledger.days, max_bytes=config.ledger.mb * MIB)


def run(config: Config, upstreams: Callable[[], Sequence[Upstream]], announce: Announce) -> None:
    """Serve until SIGINT or SIGTERM. Raises ``ConfigError`` if the address cannot be had, before a model is loaded."""
    with listening(config.host, config.port) as sock, furnished(config, upstreams()) as house:
        server = _Server(house, announce)
        server.run(sockets=[sock])


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound to the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as e:
            raise ConfigError(
                f"Cannot listen on {host}:{port}: {e.strerror or e}. Choose another with --host or --port."
            ) from None
        yield sock


class _Server(uvicorn.Server):
    """uvicorn, saying when it is ready and letting go of what is under way when it stops."""

    def __init__(self, house: House, announce: Announce) -> None:
        super().__init__(settings(App(house)))
        self._house = house
        self._announce = announce

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but it does not raise the signal again at the end: stopping is the normal end, and what is
        still to be written must be written."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, self.handle_exit) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        gc.freeze()  # what is here now stays: the collector need not look at it again and again
        gc.set_threshold(*GARBAGE)
        if sockets:
            host, port = sockets[0].getsockname()[:2]
            self._announce(f"http://{f'[{host}]' if ':' in host else host}:{port}", self._house)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        in_time = asyncio.create_task(self._give_up_in_time())
        try:
            await super().shutdown(sockets=sockets)
        finally:
            in_time.cancel()
            await self._give_up()

    async def _give_up_in_time(self) -> None:
        """Before uvicorn cancels what is under way: so that every client is told, in its own dialect."""
        await asyncio.sleep(GRACE - 2)
        await self._give_up()

    async def _give_up(self) -> None:
        await self._house.tower.close()
        directory = self._house.directory
        await asyncio.gather(*(u.close() for u in directory.upstreams), *(p.close() for p in directory.providers))


def settings(app: App) -> uvicorn.Config:
    """How uvicorn runs an application of ours. The benchmark's floor runs with the same."""
    made = partial(Connection, deadlines=Deadlines())  # uvicorn calls it for each connection; typed as if it were one
    return uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", made),
        loop="auto",
        lifespan="off",
        ws="none",
        access_log=False,
        proxy_headers=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
    )
