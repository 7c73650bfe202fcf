"""The end of a connection whose client may still be sending: it shall see the last answer.

Closing at once would answer what still comes with a reset, and that makes the client's system drop what it has not
read yet. So we say that nothing more follows, read and throw away for a while, and close when the client does.
"""

from __future__ import annotations

import asyncio
from math import inf
from typing import Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from everwarm.core.dialects.registry import telling
from everwarm.errors import BadRequest, EverwarmError
from everwarm.gateway.door.deadlines import Deadlines, Late
from everwarm.gateway.door.framing import Headers

LINGER_SECONDS: Final = 30.0
LINGER_BYTES: Final = 128 * 2**20
"""How long, and how much, is read and thrown away."""
TAKE_SECONDS: Final = 300.0
"""For a client to take any of what is left of its last answer."""


class Farewell(asyncio.Transport):
    """The transport of a connection's last answer. Closing it begins the end; ``owner`` is late when it is over."""

    def __init__(self, transport: asyncio.Transport, deadlines: Deadlines, owner: Late) -> None:
        super().__init__()
        self._transport = transport
        self._deadlines = deadlines
        self._owner = owner
        self._may_come = LINGER_BYTES
        self._to_take: float = inf  # bytes that were not sent yet when we last looked
        self.begun = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._transport.write(data)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        """Nothing more is written."""
        if self.begun or self._transport.is_closing():
            return
        self.begun = True
        self._deadlines.set(self._owner, LINGER_SECONDS)
        self._transport.write_eof()
        self._transport.resume_reading()

    def discard(self, number: int) -> None:
        """So many bytes came and were thrown away."""
        self._may_come -= number
        if self._may_come < 0:
            self._transport.close()

    def end(self) -> None:
        """Close at once; abort, if that was done before and the client has since taken nothing of what is left."""
        left = self._transport.get_write_buffer_size()
        if self._transport.is_closing() and left >= self._to_take:
            self._transport.abort()
            return
        self._to_take = left
        self._transport.close()
        self._deadlines.set(self._owner, TAKE_SECONDS)


def objection(e: httptools.HttpParserError) -> EverwarmError:
    """What a parser stopped at: our own word where one of our callbacks objected, else the parser's."""
    if isinstance(e.__context__, EverwarmError):
        return e.__context__
    return BadRequest(f"This is not proper HTTP/1.1: {str(e).rstrip('.')}.")


def refusal(error: EverwarmError, path: str, headers: Headers) -> bytes:
    """The last answer of a connection, as bytes. ``headers`` are those of every answer of this server."""
    body = telling(path).error(error)
    lines = [
        *headers,
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    return STATUS_LINE[error.status] + b"".join(b"%b: %b\r\n" % line for line in lines) + b"\r\n" + body
