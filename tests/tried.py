"""One connection to an upstream without a socket: what comes is fed by hand, what is sent stays here."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, NamedTuple

from everwarm.gateway.door.deadlines import Deadlines
from everwarm.gateway.upstreams.line import Line
from everwarm.gateway.upstreams.reply import Reply, whole


class Wire(asyncio.Transport):
    """A transport without a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed = False
        self.told: list[str] = []
        self.unsent = 0

    def write(self, data: Any) -> None:
        self.sent += data

    def abort(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


class Tried:
    """A line and what it has told."""

    def __init__(self, *, tick: float = 1.0) -> None:
        self.wire = Wire()
        self.rested = 0
        self.line = Line("u0", Deadlines(tick), self._rest, lambda line: None)
        self.line.connection_made(self.wire)

    def _rest(self, line: Line) -> None:
        assert not self.wire.closed
        self.rested += 1

    def ask(self, *, head: bool = False, within: float = 60.0) -> asyncio.Future[Reply]:
        return self.line.ask(b"POST / HTTP/1.1\r\n\r\n", b"", headless=head, within=within, idle=60)

    def feed(self, *pieces: bytes, end: bool = False, exc: Exception | None = None) -> None:
        for piece in pieces:
            if not self.wire.closed:
                self.line.data_received(piece)
        if end or exc or self.wire.closed:
            self.wire.closed = True
            self.line.connection_lost(exc)


class Case(NamedTuple):
    reply: bytes
    body: bytes
    kept: bool = True  # whether the line can carry another request
    status: int = 200
    head: bool = False  # in reply to HEAD


SAYS = b"HTTP/1.1 200 OK\r\n"
CHUNKS = b"transfer-encoding: chunked\r\n\r\n"
OK = SAYS + b"Content-Length: 2\r\n\r\nok"
CASES = {
    "a length": Case(OK, b"ok"),
    "no bytes": Case(SAYS + b"content-length: 0\r\n\r\n", b""),
    "chunks": Case(SAYS + CHUNKS + b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n", b"abc0123456789"),
    "chunks with extensions": Case(SAYS + CHUNKS + b'1;a=b\r\nx\r\n001;c="d"\r\ny\r\n0;e\r\n\r\n', b"xy"),
    "chunks and a space": Case(SAYS + CHUNKS + b"2 \r\nok\r\n0 \r\n\r\n", b"ok"),
    "trailers": Case(SAYS + CHUNKS + b"2\r\nok\r\n0\r\nx-t: evil\r\nset-cookie: a\r\n\r\n", b"ok"),
    "line feeds only": Case(OK.replace(b"\r", b""), b"ok"),
    "no reason": Case(OK.replace(b" OK", b""), b"ok"),
    "to be closed": Case(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b"ok", kept=False),
    "HTTP/1.0": Case(OK.replace(b"1.1", b"1.0"), b"ok", kept=False),
    "HTTP/1.0, kept": Case(OK.replace(b"1.1", b"1.0").replace(b"Con", b"Connection: keep-alive\r\nCon", 1), b"ok"),
    "an offer of HTTP/2": Case(OK.replace(b"Con", b"Upgrade: h2,h2c\r\nConnection: Upgrade\r\nCon", 1), b"ok"),
    "100": Case(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
    "103, twice": Case(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 2 + OK, b"ok"),
    "204": Case(b"HTTP/1.1 204 No Content\r\n\r\n", b"", status=204),
    "304 with a length": Case(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"", status=304),
    "304": Case(b"HTTP/1.1 304 Not Modified\r\n\r\n", b"", status=304),
    "HEAD": Case(SAYS + b"content-length: 5\r\n\r\n", b"", kept=False, head=True),
    "HEAD, chunked": Case(SAYS + CHUNKS, b"", kept=False, head=True),
    "HEAD, no length": Case(SAYS + b"\r\n", b"", kept=False, head=True),
    "HEAD, 103": Case(b"HTTP/1.1 103 Early Hints\r\n\r\n" + SAYS + b"\r\n", b"", kept=False, head=True),
}
UNTIL_CLOSE = SAYS + b"content-type: text/plain\r\n\r\n"


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 10))


async def got(asked: asyncio.Future[Reply]) -> tuple[int, bytes]:
    """Status and body."""
    reply = await asked
    return reply.status, await whole(reply)


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]
