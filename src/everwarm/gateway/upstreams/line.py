"""One connection to an upstream: a request goes out, its reply comes in, then the next one. HTTP/1.1 and 1.0.

    Line.ask ──▶ socket ──▶ parser ──▶ Reply: a head, then pieces as they come
                                       (nothing more is read while BUFFER bytes wait for their reader)

A line is *spoiled* when something came on it that nobody had asked for: it would be taken for the reply to the next
request, and each reply for that to the request after it, whoever asked. Such a line is closed.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator, Callable
from typing import Final, cast

import httptools

from everwarm.errors import Broken, EverwarmError, Lost, TimedOut, Unreachable
from everwarm.gateway.door.deadlines import Deadlines
from everwarm.gateway.upstreams.headers import Headers
from everwarm.gateway.upstreams.reply import Reply, is_framed

BUFFER: Final = 2**16
"""Bytes that may wait between the upstream's socket and us; beyond, it is told to wait."""

HEAD_BYTES: Final = 2**16
"""Bytes of a head, with the interim answers before it; and of what frames a body, until more of the body comes."""


class Refused(Exception):
    """What comes is no reply that we take. Never leaves this file."""


class Line(asyncio.Protocol):
    """``rested``: called when a reply has come whole and the line can carry the next request. ``ended``: when it is
    closed. Belongs to the running loop."""

    def __init__(
        self, name: str, deadlines: Deadlines, rested: Callable[[Line], None], ended: Callable[[Line], None]
    ) -> None:
        self.name = name  # of the upstream, in words for errors
        self.used = False  # it has carried a reply before
        self._asked = 0.0  # when the last request was sent, in the loop's time
        self._upload: asyncio.Task[None] | None = None
        self._deadlines = deadlines
        self._rested = rested
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_data_after_close=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._opening: asyncio.Future[Reply] | None = None
        self._reply: Reply | None = None
        self._busy = False  # a request was sent whose reply has not come whole
        self._idle = 0.0
        self._within = 0.0
        self._headless = False  # the reply has no body, whatever its head says (HEAD)
        self._headers: Headers = []
        self._unpaid = 0  # bytes of a head so far, or since there was any of the body
        self._interim = False  # the head was that of an interim answer (1xx)
        self._until_close = False  # the body ends with the connection
        self._spoiled = False
        self._paused = False
        self._drained: asyncio.Future[None] | None = None
        self._poll: Callable[[int], object] | None = None

    # For the client

    def ask(self, head: bytes, body: bytes, *, headless: bool, within: float, idle: float) -> asyncio.Future[Reply]:
        """Send a request; the reply, when its head has come. Raises ``Lost``, ``Unreachable`` or ``TimedOut``."""
        self._busy = True
        self._headless = headless
        self._within, self._idle = within, idle
        self._unpaid = 0
        self._asked = self._loop.time()
        opening = self._opening = self._loop.create_future()
        if self._spoiled:  # since it was made or taken
            self._fail(self._lost())
            return opening
        self._deadlines.set(self, within)
        for part in (head + body,) if len(body) <= BUFFER else (head, body):
            self.transport.write(part)
        return opening

    def upload(self, pieces: AsyncIterator[bytes], *, chunked: bool) -> None:
        """Send a body as it comes, beside the reply, which may begin before the body has ended."""
        if self._spoiled:
            return
        self._upload = self._loop.create_task(self._send(pieces, chunked))
        self._upload.add_done_callback(self._uploaded)

    @property
    def since_asked(self) -> float:
        """Seconds since the last request was sent."""
        return self._loop.time() - self._asked

    @property
    def silent(self) -> bool:
        """Whether it is fit for the next request: open, and nothing has come on it that we have not seen yet."""
        if self._spoiled or self.transport.is_closing():
            return False
        return self._poll is None or not self._poll(0)

    def abort(self) -> None:
        """Close it at once."""
        self._spoiled = True
        self.transport.abort()

    # For the reply

    def broken(self) -> Broken:
        """The error of a body that does not come whole."""
        return Broken(f"The upstream {self.name} broke off in the middle of its answer.")

    def go_on(self) -> None:
        """There is room again."""
        if self._paused:
            self._paused = False
            self.transport.resume_reading()

    def expect(self, seconds: float | None) -> None:
        """Something must come within so many seconds; None: nothing need come now."""
        if seconds is None:
            self._deadlines.clear(self)
        else:
            self._deadlines.set(self, seconds)

    # From the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and hasattr(select, "poll"):
            poll = select.poll()
            poll.register(sock.fileno(), select.POLLIN)
            self._poll = poll.poll

    def data_received(self, data: bytes) -> None:
        if not self._busy:  # nobody has asked
            self.abort()
            return
        self._unpaid += len(data)
        try:
            self._parser.feed_data(data)
            if self._unpaid > HEAD_BYTES and self._busy:
                raise Unreachable(f"The upstream {self.name} sent a head of more than {HEAD_BYTES // 1024} KiB.")
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._spoiled = True
            if self._busy:
                self._fail(Unreachable(f"The upstream {self.name} did not answer in HTTP."))
        except Unreachable as e:
            self._fail(e)
        self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._until_close and exc is None and not self._spoiled and self._reply is not None:
            self._reply.end()
        self._spoiled = True
        self._deadlines.clear(self)
        if self._upload is not None:
            self._upload.cancel()
        self._fail(self._lost())
        self._ended(self)

    def pause_writing(self) -> None:
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None

    # From the parser

    def on_message_begin(self) -> None:
        if not self._busy:
            raise Refused
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if sum(len(name) + len(value) for name, value in self._headers) > HEAD_BYTES:
            raise Refused
        status = self._parser.get_status_code()
        self._interim = 100 <= status < 200
        if self._interim:
            return
        opening, self._opening = self._opening, None
        if opening is None:
            raise Refused
        self._unpaid = 0
        self._deadlines.clear(self)
        self._reply = Reply(self, status, self._headers, self._idle)
        self._until_close = not self._headless and status not in (204, 304) and not is_framed(self._headers)
        self._headers = []  # for trailers, which must not pass for headers
        if opening.done():  # who asked has gone
            self._spoiled = True
        else:
            opening.set_result(self._reply)
        if self._headless:  # the parser waits for a body that will not come
            self._spoiled = True
            self._busy = False
            self._reply.end()

    def on_body(self, body: bytes) -> None:
        reply = self._reply
        if reply is None or self._headless:
            return
        self._unpaid = 0
        reply.feed(body)
        if reply.waiting_bytes > BUFFER and not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        if self._interim or self._headless or self._reply is None:
            return
        self._busy = False
        self._spoiled = self._spoiled or not self._parser.should_keep_alive()
        self._reply.end()

    # From the clock

    def late(self) -> None:
        """A deadline has passed: for a head, for a body's next piece, or of a line that nobody has used."""
        if self._opening is not None:
            self._fail(TimedOut(f"The upstream {self.name} did not begin to answer within {self._within:g} s."))
        elif self._busy and self._reply is not None:
            self._reply.end(self._reply.late())
        self.abort()

    # What follows

    async def _send(self, pieces: AsyncIterator[bytes], chunked: bool) -> None:
        async for piece in pieces:
            if piece:
                self.transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            if self._opening is not None:
                self.expect(self._within)  # the time for a head begins with the last piece
            if self._drained is not None:
                await self._drained
        if chunked:
            self.transport.write(b"0\r\n\r\n")

    def _uploaded(self, upload: asyncio.Task[None]) -> None:
        if not upload.cancelled() and upload.exception() is not None:  # where it came from, it broke off
            self.abort()

    def _lost(self) -> Unreachable:
        error = Unreachable if self._unpaid else Lost  # who has begun to answer has worked on it
        return error(f"The upstream {self.name} closed the connection before it answered.")

    def _fail(self, error: EverwarmError) -> None:
        """Of what is under way, if something is."""
        self._spoiled = True
        self._busy = False
        opening, self._opening = self._opening, None
        if opening is not None and not opening.done():
            opening.set_exception(error)
        if self._reply is not None:
            self._reply.end(self.broken())

    def _rest(self) -> None:
        """If the reply is whole. What is still being sent belongs to it: then the line is of no more use."""
        if self._busy:
            return
        self._reply = None
        self.used = True
        self.go_on()
        uploading = self._upload is not None and not self._upload.done()
        if self._spoiled or uploading or self.transport.get_write_buffer_size():
            self.abort()
        else:
            self._rested(self)
