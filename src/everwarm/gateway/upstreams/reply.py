"""What an upstream answers to one request, read as it comes; unpacked, where it was packed without being asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from everwarm.errors import EverwarmError, TimedOut
from everwarm.gateway.upstreams.headers import Headers
from everwarm.gateway.upstreams.unzip import KNOWN, Damaged, Unzipper

if TYPE_CHECKING:
    from everwarm.gateway.upstreams.line import Line


class Reply:
    """What an upstream answers: the head is there, the body comes."""

    __slots__ = (
        "_ended",
        "_error",
        "_idle",
        "_line",
        "_pieces",
        "_unzip",
        "_waiting",
        "headers",
        "packed",
        "status",
        "waiting_bytes",
    )

    def __init__(self, line: Line, status: int, headers: Headers, idle: float) -> None:
        self.status = status
        self.headers, encoding = _unpacked(headers)  # names in lower case
        self.packed = bool(encoding) and encoding not in KNOWN  # in a way that is not known here
        self._unzip = Unzipper(encoding) if encoding in KNOWN else None
        self.waiting_bytes = 0
        self._line = line
        self._idle = idle
        self._pieces: list[bytes] = []
        self._ended = False
        self._error: EverwarmError | None = None
        self._waiting: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """What has come since, once there is some; empty at the end. Raises ``Broken`` or ``TimedOut``."""
        unzip = self._unzip
        if unzip is None:
            return await self._read()
        try:
            while True:
                if unzip.more:
                    await asyncio.sleep(0)  # a little that unpacks to much would keep everybody else waiting
                piece = b"" if unzip.more else await self._read()
                if not piece and not unzip.more:
                    unzip.end()
                    return b""
                if out := unzip.feed(piece):
                    return out
        except Damaged:
            raise self._line.broken() from None

    async def _read(self) -> bytes:
        while not self._pieces:
            if self._ended:
                if self._error is not None:
                    raise self._error
                return b""
            await self._more()
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.waiting_bytes = 0
        if not self._ended:
            self._line.go_on()
        return data

    async def _more(self) -> None:
        self._waiting = asyncio.get_running_loop().create_future()
        self._line.expect(self._idle)
        try:
            await self._waiting
        finally:
            self._waiting = None
            if not self._ended:  # else the line may carry the next request by now, and the deadline is that one's
                self._line.expect(None)

    def close(self) -> None:
        """Nothing more of it is wanted. What has not come yet ends the connection."""
        if not self._ended:
            self._line.abort()

    # From the line

    def feed(self, piece: bytes) -> None:
        """A piece has come."""
        self._pieces.append(piece)
        self.waiting_bytes += len(piece)
        self._wake()

    def end(self, error: EverwarmError | None = None) -> None:
        """There is no more. Only the first end counts."""
        if not self._ended:
            self._ended, self._error = True, error
            self._wake()

    def late(self) -> TimedOut:
        """What to end with, where the upstream has fallen silent."""
        return TimedOut(f"The upstream {self._line.name} fell silent in the middle of its answer for {self._idle:g} s.")

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


async def whole(reply: Reply) -> bytes:
    """All of a body. Raises as ``Reply.read``."""
    pieces = []
    try:
        while piece := await reply.read():
            pieces.append(piece)
    finally:
        reply.close()
    return b"".join(pieces)


def _unpacked(headers: Headers) -> tuple[Headers, bytes]:
    """The headers as they are once the body is unpacked, and how it is packed; empty: not at all."""
    encoding = b",".join([value.strip().lower() for name, value in headers if name == b"content-encoding"])
    if encoding in KNOWN:
        return [pair for pair in headers if pair[0] != b"content-encoding"], encoding
    return headers, b"" if encoding == b"identity" else encoding


def is_framed(headers: Headers) -> bool:
    """Whether a head tells where its body ends."""
    return any(name in (b"content-length", b"transfer-encoding") for name, _ in headers)
