"""The provider itself: a server in a thread, and what a test sees of it and does to it."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from providers import routes
from providers.answer import Answer
from providers.asked import Asked
from providers.connection import Connection
from providers.faults import FINE, Fault
from providers.prefixes import Prefixes

PATIENCE = 20.0
"""Seconds after which a wait of a test has failed."""


class Gate:
    """An event that a test sets from its thread and the provider's tasks wait for without asking again and again."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._open = asyncio.Event()

    def set(self) -> None:
        self._loop.call_soon_threadsafe(self._open.set)

    def clear(self) -> None:
        self._loop.call_soon_threadsafe(self._open.clear)

    async def wait(self) -> None:
        await self._open.wait()


class Provider:
    """``plan`` is used up request by request; after it all is well."""

    def __init__(self, sock: socket.socket) -> None:
        port = sock.getsockname()[1]
        self.anthropic_url = f"http://127.0.0.1:{port}"
        self.url = self.anthropic_url + "/v1"
        self.plan: list[Fault] = []
        self.text: Callable[[int, str], str] = lambda n, question: f"answer {n} to {question}"
        self.keys: Iterable[str] | None = None  # the credentials it takes; None: all, and none

        self.asked: list[Asked] = []  # requests that were read whole
        self.finished = 0  # answers that were sent whole
        self.cancelled = 0  # answers before whose end the client closed the connection
        self.stale = 0  # requests that came on a stale connection, and are not in ``asked``
        self.connections = 0  # connections made
        self.sent = 0  # bytes given to connections
        self.problems: list[str] = []  # what was wrong with requests, plans, or this provider

        self.hold_at: int | None = None  # every answer waits for ``go`` there: a place, as in faults.py
        self.holding = threading.Event()
        self._loop = asyncio.new_event_loop()
        self.go = Gate(self._loop)
        self._sock = sock
        self._open: set[Connection] = set()
        self._prefixes = Prefixes()
        self._stopping = asyncio.Event()

    @property
    def open(self) -> int:
        """Connections open now."""
        return len(self._open)

    def until(self, condition: Callable[[Provider], object], seconds: float = PATIENCE) -> None:
        """Waits for what the provider's thread will have noticed soon."""
        deadline = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < deadline, "the provider did not see what was waited for"
            time.sleep(0.002)

    def drop_connections(self) -> None:
        """Aborts all connections, idle ones too, as a restart of the provider would."""
        self._loop.call_soon_threadsafe(self._abort)
        self.until(lambda p: not p.open)

    # For connections, in the loop's thread

    def opened(self, connection: Connection) -> int:
        """The number of that connection."""
        self._open.add(connection)
        self.connections += 1
        return self.connections

    def closed(self, connection: Connection) -> None:
        self._open.discard(connection)

    def prepare(self, asked: Asked) -> tuple[Answer, Fault]:
        """Records a request; what to answer, and what goes wrong with it."""
        self.asked.append(asked)
        fault = self.plan.pop(0) if self.plan else FINE
        answer = routes.answer(len(self.asked), asked, self.text, self._prefixes, self.keys)
        return fault.change(answer), fault

    async def hold(self) -> None:
        """Until the test says go."""
        self.holding.set()
        await self.go.wait()

    def _abort(self) -> None:
        for connection in list(self._open):
            connection.abort()

    # The thread

    def run(self) -> None:
        """Serves until ``stop``."""
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await self._loop.create_server(lambda: Connection(self), sock=self._sock, backlog=1024)
        await self._stopping.wait()
        server.close()
        self._abort()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*tasks, return_exceptions=True)
        while self._open:  # each says that it is lost
            await asyncio.sleep(0)

    def stop(self) -> None:
        """From another thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)


@contextmanager
def provider() -> Iterator[Provider]:
    """Runs until the block ends, and says then if something was wrong that no client could see."""
    with socket.socket(proto=socket.IPPROTO_TCP) as sock:  # else asyncio leaves Nagle's algorithm on: 40 ms an answer
        sock.bind(("127.0.0.1", 0))
        sock.listen(1024)
        fake = Provider(sock)
        thread = threading.Thread(target=fake.run, name="provider")
        thread.start()
        try:
            yield fake
        finally:
            fake.stop()
            thread.join(PATIENCE)
        assert not thread.is_alive(), "the provider does not stop"
        assert not fake.problems, fake.problems


@contextmanager
def nobody_listens() -> Iterator[str]:
    """A base URL at which connections are refused: the port is taken, but not listened to."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
