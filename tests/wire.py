"""An upstream whose bytes are written by hand, on an event loop of the test's own, and a client of it."""

from __future__ import annotations

import asyncio
import functools
import inspect
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from everwarm.gateway.upstreams.client import Client
from everwarm.gateway.upstreams.reply import Reply, whole

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
RESET = b"\1\0\0\0\0\0\0\0"


def on_each_loop(scene: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that runs on asyncio's own event loop and on uvloop's. It fails if any callback or task does."""
    own = inspect.signature(scene)
    loop = inspect.Parameter("loop", inspect.Parameter.POSITIONAL_OR_KEYWORD)

    @functools.wraps(scene)
    def test(loop: str, **given: Any) -> None:
        new_loop = pytest.importorskip(loop).new_event_loop
        failed: list[dict[str, Any]] = []
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: failed.append(context))
            runner.run(asyncio.wait_for(scene(**given), 20))
        assert failed == []

    test.__signature__ = own.replace(parameters=[loop, *own.parameters.values()])  # type: ignore[attr-defined]
    every: Callable[..., None] = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])(test)
    return every


class Peer:
    """The upstream's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.requests: list[tuple[bytes, bytes]] = []  # head, body

    async def heard(self) -> tuple[bytes, bytes]:
        """The next request, whole: its head and its body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        _, _, length = head.partition(b"content-length: ")
        body = await self.reader.readexactly(int(length.split(b"\r\n")[0])) if length else b""
        if b"transfer-encoding: chunked\r\n" in head:
            body = await self.reader.readuntil(b"0\r\n\r\n")
        self.requests.append((head, body))
        return head, body

    async def say(self, *pieces: bytes, pause: float = 0.0) -> None:
        """Each in a packet of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(pause)

    def end(self) -> None:
        """Close in the proper way."""
        self.writer.close()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.writer.transport.abort()

    async def gone(self) -> bool:
        """Whether the client closes its end without another word. Waits for it."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionResetError:
            return True


Play = Callable[[Peer], Awaitable[None]]


class Upstream:
    """``peers``: one for each connection, in the order in which they were made."""

    def __init__(self, play: Play) -> None:
        self.peers: list[Peer] = []
        self.url = ""
        self._play = play
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def requests(self) -> int:
        return sum(len(peer.requests) for peer in self.peers)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peers.append(Peer(reader, writer))
        task = asyncio.get_running_loop().create_task(self._live(self.peers[-1]))
        self._tasks.add(task)

    async def _live(self, peer: Peer) -> None:
        try:
            await self._play(peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has closed
        finally:
            peer.writer.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        for peer in self.peers:
            peer.writer.transport.abort()
        await asyncio.sleep(0)


async def answering(peer: Peer) -> None:
    """Each request, with its body."""
    while True:
        _, body = await peer.heard()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


@asynccontextmanager
async def upstream(
    play: Play, *, secure: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Upstream]:
    """Plays the same on each connection; closes it when the play is over."""
    made = Upstream(play)
    server = await asyncio.start_server(made.accept, host, 0, ssl=secure)
    port = server.sockets[0].getsockname()[1]
    made.url = f"http{'s' if secure else ''}://{f'[{host}]' if ':' in host else host}:{port}/v1"
    try:
        yield made
    finally:
        server.close()
        await made.close()


@asynccontextmanager
async def asking(url: str, *, connect: float = 5.0, idle: float = 5.0) -> AsyncIterator[Client]:
    client = Client("u0", url, connect_seconds=connect, idle_seconds=idle)
    try:
        yield client
    finally:
        await client.close()
        await asyncio.sleep(0.001)  # for the last words of TLS


@asynccontextmanager
async def both(play: Play, **more: Any) -> AsyncIterator[tuple[Upstream, Client]]:
    """The two of them."""
    async with upstream(play) as server, asking(server.url, **more) as client:
        yield server, client


async def send(client: Client, body: bytes = b"{}", *, within: float = 5.0, method: bytes = b"POST") -> Reply:
    return await client.send(method, b"/chat", [(b"x-a", b"b")], body, within=within)


async def ask(
    client: Client, body: bytes = b"{}", *, within: float = 5.0, method: bytes = b"POST"
) -> tuple[int, bytes]:
    """Status and body of the reply."""
    reply = await send(client, body, within=within, method=method)
    return reply.status, await whole(reply)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)
