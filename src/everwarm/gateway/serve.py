"""Runs a gateway until it is told to stop: SIGTERM or SIGINT once, or twice to end at once; SIGHUP reloads."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn

from everwarm.config import Changes, Config
from everwarm.core.upstream import Upstream
from everwarm.errors import ConfigError, EverwarmError
from everwarm.gateway.app import App
from everwarm.gateway.door.connection import Connection
from everwarm.gateway.door.deadlines import Deadlines
from everwarm.gateway.door.head import Heads
from everwarm.gateway.door.repeating import Repeating
from everwarm.gateway.furnish import alone, begin_boards, furnished, shared
from everwarm.gateway.house import House
from everwarm.gateway.reload import take_up
from everwarm.gateway.watch import trace
from everwarm.gateway.watch.board import EVERY

__all__ = ["alone", "begin_boards", "furnished", "listening", "run", "settings", "shared", "work"]

log = logging.getLogger("everwarm.gateway")

KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than the clients' pools keep theirs, so that they close first."""
GRACE = 10
"""Seconds that answers under way may take to finish once the server was told to stop."""
LAST_WORDS = 0.2
"""Seconds for what clients are told to go out, before their connections are cut."""

GARBAGE = (10_000, 20, 20)
"""A request leaves no cycles behind, so the collector may come less often than by default (700, 10, 10)."""

RELOADS = [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []
"""The signal that reloads, where there is one. Until a server listens to it, it waits."""

Announce = Callable[[str, House], None]
Reload = Callable[[], Config]
"""The configuration as it is written now. Raises ``ConfigError``. Reads files."""


def run(
    config: Config, upstreams: Callable[[], Sequence[Upstream]], announce: Announce, reload: Reload | None = None
) -> None:
    """Serve until SIGINT or SIGTERM. Raises ``ConfigError`` if the address cannot be had, before a model is loaded."""
    trace.require(config.telemetry)
    hold_reloads()
    with listening(config.host, config.port) as sock, alone(config), shared(config, upstreams()) as house:
        _Server(house, announce, reload).run(sockets=[sock])


def work(sock: socket.socket, house: House, announce: Announce | None, reload: Reload, parent: socket.socket) -> None:
    """Serve as one of several processes on one socket. ``parent``: told with a byte when this one is ready; when it
    closes its end, this one stops."""
    _Server(house, announce, reload, parent).run(sockets=[sock])


def hold_reloads() -> None:
    """A SIGHUP that comes before there is a server to hear it must not end the process."""
    if RELOADS:
        signal.pthread_sigmask(signal.SIG_BLOCK, RELOADS)


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound to the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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

    def __init__(
        self,
        house: House,
        announce: Announce | None,
        reload: Reload | None = None,
        parent: socket.socket | None = None,
    ) -> None:
        super().__init__(settings(App(house)))
        self._house = house
        self._announce = announce
        self._reload = reload
        self._reloading = asyncio.Lock()
        self._parent = parent
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's, but it does not raise the signal again at the end: stopping is the normal end, and what is
        still to be written must be written."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._loop = asyncio.get_running_loop()
        ends = [signal.SIGTERM] if self._parent else [signal.SIGTERM, signal.SIGINT]  # a worker leaves Ctrl-C to it
        before = {s: signal.signal(s, self.handle_exit) for s in ends}
        if self._reload is not None:
            before |= {s: signal.signal(s, self._handle_reload) for s in RELOADS}
            if RELOADS:
                signal.pthread_sigmask(signal.SIG_UNBLOCK, RELOADS)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; the second time, at once."""
        if self.should_exit and not self.force_exit and self._loop is not None:
            self.force_exit = True
            self._loop.call_soon_threadsafe(self._start, self._hurry)
        self._house.stopping = self.should_exit = True

    def _handle_reload(self, sig: int, frame: FrameType | None) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._start, self._take_up)

    def _start(self, work: Callable[[], Any]) -> None:
        task = asyncio.ensure_future(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_unexpected)
        gc.freeze()  # what is here now stays: the collector need not look at it again and again
        gc.set_threshold(*GARBAGE)
        if self._house.metrics is not None and self._house.metrics.board is not None:
            self._start(self._leave_figures)
        if sockets and self._announce is not None:
            host, port = sockets[0].getsockname()[:2]
            self._announce(f"http://{f'[{host}]' if ':' in host else host}:{port}", self._house)
        if self._parent is not None:
            self._parent.send(b"r")
            loop.add_reader(self._parent, self._lose, self._parent)

    def _lose(self, parent: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(parent)
        self._house.stopping = self.should_exit = True

    async def _leave_figures(self) -> None:
        house = self._house
        assert house.metrics is not None
        while True:
            await asyncio.sleep(EVERY)
            work = partial(house.metrics.leave, house.tower, house.directory, house.store)
            await asyncio.get_running_loop().run_in_executor(house.threads, work)

    async def _take_up(self) -> None:
        assert self._reload is not None
        house = self._house
        async with self._reloading:
            try:
                wanted = await asyncio.get_running_loop().run_in_executor(house.threads, self._reload)
                told = take_up(house, wanted)
            except EverwarmError as e:
                log.error("The configuration stays as it was: %s", e.message)
                return
        for provider in house.retired:
            self._start(provider.retire)
        if self._parent is None:
            log_changes(told)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._house.stopping = True
        in_time = asyncio.create_task(self._give_up_in_time())
        try:
            await super().shutdown(sockets=sockets)
        finally:
            for task in (in_time, *self._tasks):
                task.cancel()
            await self._give_up()

    async def _give_up_in_time(self) -> None:
        """Before uvicorn cancels what is under way: so that every client is told, in its own dialect."""
        await asyncio.sleep(GRACE - 2)
        await self._give_up()

    async def _hurry(self) -> None:
        """Tell every client, and cut the connections of those that are slow to hear it."""
        await self._give_up()
        await asyncio.sleep(LAST_WORDS)
        for connection in list(self.server_state.connections):
            cast(Connection, connection).transport.abort()

    async def _give_up(self) -> None:
        house = self._house
        await house.tower.close()
        providers = (*house.directory.providers, *house.retired)
        await asyncio.gather(*(u.close() for u in house.directory.upstreams), *(p.close() for p in providers))


def log_changes(told: Changes) -> None:
    """What a reload has done, for the operator."""
    log.info("The configuration was taken up anew: %s.", ", ".join(told.applied) or "nothing in it has changed")
    if told.restart:
        log.warning("What else has changed waits for a new start: %s.", ", ".join(told.restart))


def _unexpected(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What no task has caught. asyncio's own account of it would quote the exception."""
    log.error("%s", context.get("message", "something failed"), exc_info=context.get("exception"))


def settings(app: App) -> uvicorn.Config:
    """How uvicorn runs the application."""
    # uvicorn calls it for each connection; typed as if it were one
    made = partial(Repeating, deadlines=Deadlines(), heads=Heads(), at_once=app.at_once)
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
