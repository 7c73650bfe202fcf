"""One client's connection: uvicorn's, with what it leaves open closed.

- What can be read in two ways is refused, and nothing after it on the connection is read (``framing``).
- A head is bounded in bytes, headers and time; what frames a body is bounded by the body.
- A refusal is told in the client's dialect and in its turn, and the client gets to see it (``farewell``).
- An answer given before its request has come whole is the connection's last.
- ``Upgrade`` is ignored, as RFC 9110 allows in section 7.8: the request is served as plain HTTP/1.1.
- Who closes its sending side only still gets its answer (``half_closed``).
- A small request that has come whole is first shown to ``at_once``: if that answers, nothing of ASGI is set in motion.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final, cast

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from everwarm.errors import BadRequest, EverwarmError, RequestTimeout
from everwarm.gateway.door import framing
from everwarm.gateway.door.deadlines import Deadlines
from everwarm.gateway.door.farewell import Farewell, objection, refusal
from everwarm.gateway.door.framing import HEAD_BYTES, WATCHED
from everwarm.gateway.door.half_closed import HalfClosed
from everwarm.gateway.door.head import Head
from everwarm.gateway.door.turn import Turn

log = logging.getLogger("everwarm.gateway")

HEAD_SECONDS: Final = 30.0
"""For a head to arrive, from its first byte; and for the first byte, from when the connection was made."""
QUEUE: Final = 100
"""Requests that may wait for their turn on one connection."""
READ_BYTES: Final = 256 * 1024
"""What one read brings, at most."""
HELD: Final = 1.0
"""Seconds that a small body may take before the application is called and waits for the rest of it."""
WORTH: Final = 16
"""Bytes that one byte of a body pays for: itself and what frames it. A chunk of one byte has six."""


class Connection(HttpToolsProtocol):
    """uvicorn makes one for each connection. Those of one server share ``deadlines``. ``at_once``: whether it has
    answered; it never raises."""

    # Beside uvicorn's thirty, more attributes in the instance's dictionary cost 1 us a request.
    __slots__ = tuple(  # one a line would take a screen
        "_answering _at_once _deadlines _deaf _farewell _framing _held _in_head _keep _read _refusal _timed "  # noqa: SIM905
        "_unpaid".split()
    )

    cycle: Turn

    def __init__(self, *args: Any, deadlines: Deadlines, at_once: Callable[[Turn], bool], **more: Any) -> None:
        super().__init__(*args, **more)
        self.url = b""
        self._deadlines = deadlines
        self._in_head = False
        self._timed = False  # whether this head has a deadline
        self._framing: dict[bytes, bytes] = {}  # headers of the request that decide where it ends
        self._keep = False  # whether the connection stays once the request has come whole and is answered
        self._read = 0  # bytes of the read that is being looked at
        self._unpaid = 0  # bytes since there was progress: no less than a head has so far, or than frames a body
        self._at_once = at_once
        self._held: Turn | None = None  # whose body has not come yet, and who is to be shown to ``at_once``
        self._answering: Turn | None = None  # whose turn it is; ``cycle`` is the one that came last
        self._refusal: EverwarmError | None = None  # waits for its turn
        self._deaf = False  # nothing is interpreted any more

    # From the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._farewell = Farewell(transport, self._deadlines, self)
        self._deadlines.set(self, HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadlines.clear(self)
        self._held = None
        if self._answering is not None:
            self._answering.abandon()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deaf or self._farewell.begun:
            self._farewell.discard(len(data))
            return
        self._read = len(data)
        self._unpaid += self._read
        held = self._held
        try:
            self._feed(data)
            if self._unpaid:
                self._check_progress()
            if self._held is not held and self._held is not None:  # counts from its head: drops do not buy time
                self._deadlines.set(self, HELD)
        except httptools.HttpParserError as e:
            self._refuse(objection(e))
        except EverwarmError as e:
            self._refuse(e)

    def _feed(self, data: bytes) -> None:
        """Parse. A head that asks for an upgrade ends the parser's work before its body, and is parsed again."""
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as e:
                version = self.parser.get_http_version()
                head = framing.without_upgrade(self.parser.get_method(), self.url, version, self.headers)
                data = head + data[e.args[0] :]

    def _check_progress(self) -> None:
        """After a read that left a head, or the frame of a body, unfinished."""
        if self._unpaid > HEAD_BYTES + READ_BYTES:
            raise framing.head_too_large() if self._in_head else framing.too_much_frame()
        if self._in_head:
            framing.check_number(self.url, self.headers)
            if not self._timed:
                self._timed = True
                self._deadlines.set(self, HEAD_SECONDS)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Whether the connection stays: it does if a whole request is to be answered, until it is."""
        answering = self._answering
        if self._farewell.begun or answering is None or answering.response_complete or answering.more_body:
            return False
        self._deaf = True
        if self.pipeline and self.pipeline[0][0].more_body:
            self.pipeline.popleft()  # this one will never be whole
        last = self.pipeline[0][0] if self.pipeline else answering
        last.keep_alive = False
        if last is answering:
            last.transport = HalfClosed(self.transport, self.loop, begun=last.response_started)
        return True

    # From the parser

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self._framing = {}
        self._in_head = True
        self._timed = False
        self._unpaid = self._read

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in WATCHED:
            if name in self._framing:
                raise framing.sent_twice(name)
            self._framing[name] = value
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self.transport.is_closing():
            raise BadRequest("What follows the last answer of a connection is not read.")  # nor is this told
        if self._unpaid > HEAD_BYTES:
            framing.check_size(self.url, self.headers)
        self._unpaid = 0
        if self.parser.should_upgrade():
            framing.check_upgrade(self.parser.get_method())
            return  # the head comes again, without what upgrades: see ``_feed``
        version = self.parser.get_http_version()
        framing.check_head(version, self.url, self.headers, self._framing)
        if len(self.pipeline) == QUEUE:
            raise BadRequest(f"More than {QUEUE} requests wait for their answers on this connection.")
        self._keep = version != "1.0" and self.parser.should_keep_alive()
        head = Head(self.parser.get_method(), self.url, version, self.headers, self._framing)
        self.cycle = Turn(self, self._farewell, head)
        self.headers = []  # for trailers, which nobody waits for: they must not pass for headers
        if self._busy():
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
        else:
            self._answering = self.cycle
            if head.length is not None and head.length <= HIGH_WATER_LIMIT:
                self._held = self.cycle
            else:
                self._start_asgi_task(self.cycle, self.app)

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()
        if self._unpaid:
            self._unpaid = max(0, self._unpaid - WORTH * len(body))

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._unpaid = 0
        cycle = self.cycle
        cycle.more_body = False
        cycle.message_event.set()
        if not cycle.response_started:
            cycle.keep_alive = self._keep
            cycle.transport = self.transport
        if self._held is cycle:
            self._held = None
            self._show(cycle)

    def _show(self, cycle: Turn) -> None:
        """A small request that is here: to ``at_once``, and to the application if that has no answer."""
        if not self._at_once(cycle) and not cycle.response_complete:
            self._start_asgi_task(cycle, self.app)

    # From the application, the server and the clock

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self._farewell.begun or self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            turn, app = cast("tuple[Turn, ASGI3Application]", self.pipeline.pop())
            self._answering = turn
            self._start_asgi_task(turn, app)
        elif self._refusal is not None:
            self._tell(self._refusal)
        else:
            self._deadlines.set(self, HEAD_SECONDS if self._in_head else self.timeout_keep_alive)

    def shutdown(self) -> None:
        self._keep = False
        if self._farewell.begun:
            self.transport.close()
        else:
            super().shutdown()

    def late(self) -> None:
        """A deadline has passed. None does while an answer is under way."""
        if self._held is not None:
            held, self._held = self._held, None
            self._start_asgi_task(held, self.app)
        elif self._busy():
            self._deadlines.set(self, HEAD_SECONDS)
        elif self._in_head and not self._farewell.begun:
            self._refuse(RequestTimeout(f"The head of the request did not arrive within {HEAD_SECONDS:g} seconds."))
        else:
            self._farewell.end()

    def _busy(self) -> bool:
        return self._answering is not None and not self._answering.response_complete

    # Refusals

    def _refuse(self, error: EverwarmError) -> None:
        """Tell the client what was wrong when it is this request's turn; hear nothing more."""
        self._deaf = True
        if self.transport.is_closing():
            return
        halfway = self.cycle is not None and self.cycle.more_body and not self._in_head
        if halfway and self.cycle is not self._answering:
            self.pipeline.popleft()  # its turn is the refusal's
        elif halfway:
            self._held = None
            self.cycle.abandon()
            self._answering = None
            if self.cycle.response_started:
                self.transport.close()
                return
        if self._busy():
            self._refusal = error
        else:
            self._tell(error)

    def _tell(self, error: EverwarmError) -> None:
        log.debug("a request was refused: %s", error.message)
        path = self.url.partition(b"?")[0].decode("latin-1")
        self.transport.write(refusal(error, path, self.server_state.default_headers))
        self._farewell.close()
