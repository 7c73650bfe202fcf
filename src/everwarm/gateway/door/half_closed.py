"""The transport of an answer to a client that has closed its sending side, or has gone altogether.

The two look alike until something is sent: who has gone answers with a reset. So the first bytes of the answer, which
are the same for every answer, are sent ahead of it. Once it has begun, each piece of it is such a question; where it
pauses for long, nobody can be asked, and the client counts as gone.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

AHEAD: Final = b"HTTP/1.1 "
"""How every answer begins, to HTTP/1.0 as well."""
SILENCE: Final = 5.0
"""Seconds that a stream may pause; what a client that has gone costs an upstream at most."""
FIRST_LOOK: Final = 0.01
LAST_LOOK: Final = 1.0
"""Seconds until the first look for a reset, and between two later ones; the time doubles from one to the other."""


class HalfClosed(asyncio.Transport):
    """Writes to ``transport``, and aborts it once the client turns out to have gone. ``begun``: part is written."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, *, begun: bool) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._skip = 0
        self._written: float | None = loop.time() if begun else None  # when last
        if not begun:
            transport.write(AHEAD)
            self._skip = len(AHEAD)
        loop.call_later(FIRST_LOOK, self._look, FIRST_LOOK)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write, without what was sent ahead."""
        self._transport.write(memoryview(data)[self._skip :])
        self._skip = 0
        self._written = self._loop.time()

    def close(self) -> None:
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _look(self, after: float) -> None:
        if self._transport.is_closing():
            return
        if self._reset() or self._silent():
            self._transport.abort()
            return
        after = min(2 * after, LAST_LOOK)
        self._loop.call_later(after, self._look, after)

    def _reset(self) -> bool:
        sock: socket.socket = self._transport.get_extra_info("socket")
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def _silent(self) -> bool:
        if self._written is None or self._transport.get_write_buffer_size():
            return False
        return self._loop.time() - self._written > SILENCE
