"""One request on a connection, and its answer: what uvicorn calls a cycle, with two things more.

An ASGI application finds it in its scope as ``extensions["everwarm"]``: a whole answer may go out in one piece, and
whoever works on it may be called when the client leaves, where ASGI would have it wait in a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any, Final

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from everwarm.errors import Bug
from everwarm.gateway.door.framing import Headers
from everwarm.gateway.door.head import Head

EXTENSION: Final = "everwarm"


class Turn(RequestResponseCycle):
    """``pending``: what the application has begun with this request before it was called, if anything."""

    def __init__(self, connection: HttpToolsProtocol, transport: asyncio.Transport, head: Head) -> None:
        super().__init__(
            head.scope(connection.server, connection.client),
            transport,
            connection.flow,
            connection.logger,
            connection.access_logger,
            False,  # no line for each request
            connection.server_state.default_headers,
            asyncio.Event(),
            head.waits,
            False,  # until the request has come whole: see ``connection``
            connection.on_response_complete,
        )
        self.head = head
        self.begun = perf_counter()
        self.pending: Any = None
        self._when_gone: Callable[[], None] | None = None

    async def run_asgi(self, app: ASGI3Application) -> None:
        """As uvicorn's."""
        self.scope["extensions"] = {EXTENSION: self}  # type: ignore[dict-item]  # any object may stand there
        try:
            await super().run_asgi(app)
        finally:
            self.scope["extensions"] = {}  # it was a cycle, which Python's garbage collector would have to find

    def respond(self, status: int, lines: bytes, body: bytes) -> None:
        """A whole answer. ``lines`` are ``written`` and tell no length. Only while nothing was sent, and while ``flow``
        does not ask to wait."""
        if self.disconnected:
            return
        assert not self.response_started
        every = b"%b%bcontent-length: %d\r\n" % (written(self.default_headers), lines, len(body))
        if not self.keep_alive:
            every += b"connection: close\r\n"
        head = b"%b%b\r\n" % (STATUS_LINE[status], every)
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.transport.write(head if self.scope["method"] == "HEAD" else head + body)
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()

    def when_gone(self, call: Callable[[], None] | None) -> None:
        """``call`` once the client has left, if it does before the answer is out; in place of what was said before."""
        self._when_gone = call
        if call is None:
            return
        self.flow.resume_reading()  # else nobody would notice
        if self.disconnected:
            asyncio.get_running_loop().call_soon(self.abandon)

    def abandon(self) -> None:
        """Let the application know that there is nobody to answer."""
        self.waiting_for_100_continue = False
        self.disconnected = True
        self.message_event.set()
        call, self._when_gone = self._when_gone, None
        if call is not None:
            call()


def written(headers: Headers) -> bytes:
    """Lines of a head. Raises ``Bug`` if one of them would be more than a line."""
    lines = b"".join([b"%b: %b\r\n" % header for header in headers])
    if lines.count(b"\n") != len(headers) or lines.count(b"\r") != len(headers):
        raise Bug("A header of an answer holds a line end.")
    return lines
