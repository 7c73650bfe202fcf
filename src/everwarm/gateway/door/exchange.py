"""One HTTP request and its answer, on raw ASGI: what was sent, and what has been sent back so far."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from tempfile import SpooledTemporaryFile
from time import perf_counter, time
from typing import Any, Final, TypeVar

from everwarm.core.dialects import openai_chat
from everwarm.core.dialects.dialect import Dialect
from everwarm.errors import BadRequest, EverwarmError, Overloaded, RequestTimeout, TooLarge
from everwarm.gateway.door.patience import Patience
from everwarm.gateway.door.turn import Turn, written
from everwarm.gateway.upstreams.headers import CREDENTIALS, Headers

T = TypeVar("T")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON: Final = (b"content-type", b"application/json")
EVENTS: Final = (b"content-type", b"text/event-stream; charset=utf-8")
NO_BUFFER: Final = (b"x-accel-buffering", b"no")
"""Of a stream: a reverse proxy in front must not hold it back."""
_ONCE: Final = frozenset(
    (*CREDENTIALS, b"content-encoding", b"content-length", b"content-type", b"host", b"origin"),
)
"""Headers that may stand once: of two, somebody else might read the other one."""

IN_MEMORY: Final = 2**20
"""Bytes of a body of unknown length that wait for its end in memory."""


class Disconnected(Exception):
    """The client has gone; there is nobody to answer. Never leaves the gateway."""


class Exchange:
    """Reads the body within its limits, sends one response, and counts. Times are in seconds."""

    __slots__ = (
        "_begun",
        "_headers",
        "_held_back",
        "_receive",
        "_send",
        "_streams",
        "at",
        "bytes_in",
        "bytes_out",
        "cache",
        "dialect",
        "error",
        "first_byte",
        "headers",
        "scope",
        "status",
        "turn",
    )

    def __init__(self, turn: Turn, headers: Headers | None = None) -> None:
        """``headers``: in place of those that came. Raises ``BadRequest`` if one stands twice that may not."""
        self.turn = turn
        self.scope: Scope = turn.scope  # type: ignore[assignment]  # ASGI's, whose values are read one by one
        self._receive: Receive = turn.receive  # type: ignore[assignment]
        self._send: Send = turn.send  # type: ignore[assignment]
        self.headers: Headers = self.scope["headers"] if headers is None else headers  # as they came, in lower case
        self._headers = self.made(_once) if headers is None else _once(headers)
        self.dialect: Dialect = openai_chat.DIALECT  # in which errors are told; the route may set another
        self.at = time()
        self._begun = turn.begun
        self._held_back: tuple[Headers, list[bytes]] | None = None
        self.cache = ""  # how the answer was made, in the ledger's words; "" where there was none to make
        self.error = ""  # the name of the error with which it ended
        self.status = 0  # 0: nothing sent yet
        self._streams = False  # whether what is sent are server-sent events
        self.bytes_in = 0
        self.bytes_out = 0
        self.first_byte: float | None = None  # after this many seconds

    def header(self, name: bytes) -> bytes:
        """The value of a header that may stand once; empty if it was not sent."""
        return self._headers.get(name, b"")

    def made(self, work: Callable[[Headers], T]) -> T:
        """What ``work`` makes of the headers, once for all requests that begin with the same bytes (``door/head``)."""
        return self.turn.head.made(work)

    @property
    def elapsed(self) -> float:
        """Seconds since the request arrived."""
        return perf_counter() - self._begun

    async def body(self, limit: int, patience: Patience) -> bytes:
        """The whole body. Raises ``TooLarge``, ``RequestTimeout`` or ``Disconnected``."""
        length = self.header(b"content-length")
        if length and int(length) > limit:
            raise _too_large(limit)
        gather = self._gather(limit) if length else self._gather_unknown(limit)
        try:
            return await patience.wait(gather)
        except TimeoutError:
            raise RequestTimeout(f"The body did not arrive within {patience.seconds:g} seconds.") from None

    async def _gather(self, limit: int) -> bytes:
        pieces = [piece async for piece in self._bounded(limit)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _gather_unknown(self, limit: int) -> bytes:
        """A body whose length nobody has told. It may turn out to be too large: until then most of it waits on disk,
        in a file without a name."""
        try:
            with SpooledTemporaryFile(IN_MEMORY) as spool:
                async for piece in self._bounded(limit):
                    spool.write(piece)
                spool.seek(0)
                return spool.read()
        except OSError as e:
            raise Overloaded(f"The body could not be kept until its end: {e.strerror}.") from None

    async def _bounded(self, limit: int) -> AsyncIterator[bytes]:
        """Raises ``TooLarge`` or ``Disconnected``."""
        async for piece in self.pieces():
            if self.bytes_in > limit:
                raise _too_large(limit)
            yield piece

    def body_now(self) -> bytes:
        """The whole body, where all of it is here already."""
        data = bytes(self.turn.body)
        self.bytes_in = len(data)
        return data

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes, for what is passed on unread. Raises ``Disconnected``."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            piece = message.get("body", b"")
            self.bytes_in += len(piece)
            more = message.get("more_body", False)
            if piece:
                yield piece

    async def discard(self) -> None:
        """Read what is left of the body, and forget it."""
        async for _ in self.pieces():
            pass

    async def gone(self) -> None:
        """Return when the client has closed its connection. Only after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def reply(self, status: int, headers: Headers | bytes, body: bytes) -> None:
        """A whole response. ``headers``: as pairs, or as lines that are written already (``turn.written``)."""
        if self.turn.flow.write_paused and not self.turn.disconnected:
            await self.turn.flow.drain()
        self.reply_now(status, headers, body)

    def reply_now(self, status: int, headers: Headers | bytes, body: bytes) -> None:
        """As ``reply``, where nothing that was sent before has to be waited for."""
        self.turn.respond(status, headers if isinstance(headers, bytes) else written(headers), body)
        self.status = status
        self.first_byte = self.elapsed
        self.bytes_out += len(body)

    async def start(self, status: int, headers: Headers) -> None:
        """The head of a response; ``write`` must follow."""
        self.status = status
        self._streams = any(n == b"content-type" and v.startswith(b"text/event-stream") for n, v in headers)
        if self.scope.get("http_version") == "1.0" and not any(n == b"content-length" for n, _ in headers):
            self._held_back = (headers, [])
            return
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, piece: bytes, *, more: bool = True) -> None:
        """A piece of the body; the last one with ``more=False``."""
        if piece and self.first_byte is None:
            self.first_byte = self.elapsed
        self.bytes_out += len(piece)
        if self._held_back is not None:
            await self._hold_back(piece, more)
            return
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def _hold_back(self, piece: bytes, more: bool) -> None:
        """HTTP/1.0 knows no chunks: what is streamed to others comes at once, with its length."""
        assert self._held_back is not None
        headers, pieces = self._held_back
        pieces.append(piece)
        if not more:
            self._held_back = None
            whole = b"".join(pieces)
            self.bytes_out -= len(whole)
            await self.reply(self.status, headers, whole)

    async def refuse(self, error: EverwarmError, headers: Headers | None = None) -> None:
        """The error: as a response, or as the last event of a stream that has begun. Of any other body only the end of
        the connection can tell that it is not whole: nothing more is sent, and the server closes."""
        self.error = type(error).__name__
        if self.status:
            if self._streams:
                await self.write(self.dialect.error_event(error), more=False)
            return
        out = [JSON, *(headers or [])]
        if error.retry_after is not None:
            out.append((b"retry-after", b"%d" % max(1, round(error.retry_after))))
        await self.reply(error.status, out, self.dialect.error(error))


def _once(headers: Headers) -> dict[bytes, bytes]:
    """Those that may stand once, by name. Raises ``BadRequest`` where one stands twice."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ONCE:
            if name in found:
                raise BadRequest(f"The header {name.decode()} was sent twice. Send it once.", param=name.decode())
            found[name] = value
    return found


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit / 2**20:g} MiB, the limit set as limits.body_mb.")
