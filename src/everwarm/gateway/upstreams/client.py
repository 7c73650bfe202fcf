"""An HTTP/1.1 client for one upstream: connections are kept, and what one of them breaks is mended where that is safe.

Why not a library's: it would be half of what passing a request on may cost (decision 0009).
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from aiohappyeyeballs import start_connection

from everwarm.errors import Lost, TimedOut, Unreachable
from everwarm.gateway.door.deadlines import Deadlines
from everwarm.gateway.upstreams.headers import Headers
from everwarm.gateway.upstreams.line import Line
from everwarm.gateway.upstreams.reply import Reply


class Upload(NamedTuple):
    """A body that is passed on as it comes. ``length`` as its sender said it; empty: it did not."""

    pieces: AsyncIterator[bytes]
    length: bytes


Body = bytes | Upload

KEEP_SECONDS: Final = 30.0
"""How long a connection is kept that nobody uses."""

AT_ONCE: Final = 1.0
"""Seconds within which a dead connection shows. What took longer may have been worked on."""

WITH_BODY: Final = frozenset((b"POST", b"PUT", b"PATCH"))
"""Methods that say how long their body is, even if there is none."""

NEXT_ADDRESS: Final = 0.25
"""Seconds after which a host's next address is tried beside the one that has not answered yet (RFC 8305)."""


class Client:
    """Belongs to the event loop in which it is first used."""

    def __init__(self, name: str, url: str, *, connect_seconds: float, idle_seconds: float) -> None:
        """``url``: a base, as the configuration checked it. ``idle_seconds``: the longest silence within a body."""
        split = urlsplit(url)
        assert split.hostname is not None  # the configuration has checked it
        self._name = name
        self._secure = split.scheme == "https"
        self._host = split.hostname
        self._port = split.port or (443 if self._secure else 80)
        self._base = split.path.encode()
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        self._head = b" HTTP/1.1\r\nHost: %b\r\naccept-encoding: identity\r\n" % split.netloc.encode()
        self._deadlines = Deadlines()
        self._kept: dict[Line, None] = {}  # the last one was used last
        self._lines: set[Line] = set()  # all that are open
        self._ssl: ssl.SSLContext | None = None

    @property
    def busy(self) -> bool:
        """Whether something is under way."""
        return len(self._lines) > len(self._kept)

    async def send(self, method: bytes, target: bytes, headers: Headers, body: Body = b"", *, within: float) -> Reply:
        """The reply to a request, when its head has come. ``target``: path and query below the base URL.

        Raises ``Unreachable`` or ``TimedOut``: that is ``within`` seconds after there was a connection. A request that
        was lost on a kept connection which had died before it is sent again.
        """
        head = [method, b" ", self._base, target, self._head]
        for name, value in headers:
            head += (name, b": ", value, b"\r\n")
        if isinstance(body, Upload):
            length = b"content-length: %b\r\n\r\n" % body.length
            head.append(length if body.length else b"transfer-encoding: chunked\r\n\r\n")
            return await self._upload(b"".join(head), body, within)
        if body or method in WITH_BODY:
            head.append(b"content-length: %d\r\n" % len(body))
        head.append(b"\r\n")
        return await self._ask(b"".join(head), body, method == b"HEAD", within)

    async def _ask(self, head: bytes, body: bytes, headless: bool, within: float) -> Reply:
        while True:
            line = self._take() or await self._connected()
            asked = line.ask(head, body, headless=headless, within=within, idle=self._idle_seconds)
            try:
                return await asked
            except Lost:
                if not line.used or line.since_asked > AT_ONCE:
                    raise
            except asyncio.CancelledError:
                _give_up(line, asked)
                raise

    async def _upload(self, head: bytes, body: Upload, within: float) -> Reply:
        """A body that is passed on as it comes is gone once it was sent: it cannot be sent again, so it gets a new
        connection. The reply may begin before the body has ended."""
        line = await self._connected()
        asked = line.ask(head, b"", headless=False, within=within, idle=self._idle_seconds)
        line.upload(body.pieces, chunked=not body.length)
        try:
            return await asked
        except asyncio.CancelledError:
            _give_up(line, asked)
            raise

    def _take(self) -> Line | None:
        """A kept connection that is fit for use, the one that was used last."""
        while self._kept:
            line, _ = self._kept.popitem()
            self._deadlines.clear(line)
            if line.silent:
                return line
            line.abort()
        return None

    async def _connected(self) -> Line:
        """A new connection. Raises ``Unreachable`` or ``TimedOut``."""
        try:
            async with asyncio.timeout(self._connect_seconds):
                return await self._connect()
        except TimeoutError:
            within = f"{self._connect_seconds:g} s"
            raise TimedOut(f"The upstream {self._name} gave no connection within {within}.") from None
        except OSError as e:
            raise Unreachable(f"The upstream {self._name} cannot be reached: {_why(e)}.") from None
        except UnicodeError:
            raise Unreachable(f"The upstream {self._name} cannot be reached: its host has no proper name.") from None

    async def _connect(self) -> Line:
        loop = asyncio.get_running_loop()
        if self._secure and self._ssl is None:
            self._ssl = ssl.create_default_context()
            self._ssl.set_alpn_protocols(["http/1.1"])
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        sock = await start_connection(found, happy_eyeballs_delay=NEXT_ADDRESS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made = partial(Line, self._name, self._deadlines, self._rest, self._forget)
        host = self._host if self._secure else None
        _, line = await loop.create_connection(made, sock=sock, ssl=self._ssl, server_hostname=host)
        self._lines.add(line)
        return line

    def _rest(self, line: Line) -> None:
        self._kept[line] = None
        self._deadlines.set(line, KEEP_SECONDS)

    def _forget(self, line: Line) -> None:
        self._kept.pop(line, None)
        self._lines.discard(line)

    async def close(self) -> None:
        """Close all connections."""
        for line in list(self._lines):
            line.abort()
        await asyncio.sleep(0)  # transports close in the next turn of the loop


def _give_up(line: Line, asked: asyncio.Future[Reply]) -> None:
    """Who asked has gone. If the reply has just come whole, the line is somebody else's already."""
    if asked.cancelled():
        line.abort()
    elif asked.exception() is None:
        asked.result().close()


def _why(e: OSError) -> str:
    """In the system's words: those of Python's libraries hold the upstream's address, which is no client's business."""
    if isinstance(e, socket.gaierror | ssl.SSLError):
        return e.strerror or str(e)
    return os.strerror(e.errno) if e.errno else "none of its addresses takes a connection"
