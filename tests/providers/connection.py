"""One connection: requests in, answers out, and whatever a fault does to it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from providers import request
from providers.answer import HEAD, Answer
from providers.asked import Asked
from providers.faults import Fault

if TYPE_CHECKING:
    from providers.server import Provider

ARRIVES = 0.02
"""Seconds after which what was written has surely crossed the loopback: a reset would discard the rest."""

BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Over(Exception):
    """The connection ends here, as planned."""


class Connection(asyncio.Protocol):
    """Notices that the client leaves also while it writes, waits or stalls. Who only ends its own sending has left,
    too: most servers see it so."""

    def __init__(self, house: Provider) -> None:
        self._house = house
        self._reader = asyncio.StreamReader(limit=request.LARGEST_HEAD)
        self._free = asyncio.Event()  # nothing waits to be written
        self._free.set()
        self._answering = False

    # What the loop says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)
        self.number = self._house.opened(self)
        self._task = asyncio.get_running_loop().create_task(self._serve())

    def data_received(self, data: bytes) -> None:
        self._reader.feed_data(data)

    def eof_received(self) -> bool:
        self._reader.feed_eof()
        self._leave()
        return True  # the task closes the transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._reader.feed_eof()
        self._free.set()
        self._leave()
        self._house.closed(self)

    def pause_writing(self) -> None:
        self._free.clear()

    def resume_writing(self) -> None:
        self._free.set()

    def _leave(self) -> None:
        """The client has gone. Before the answer's end that counts."""
        if self._answering:
            self._answering = False
            self._house.cancelled += 1
            self._task.cancel()

    def abort(self) -> None:
        """Ends all of it at once; not the client's doing."""
        self._answering = False
        self._task.cancel()
        self._transport.abort()

    # What it does

    async def _serve(self) -> None:
        try:
            while (asked := await request.read(self._reader, self.number, self._transport.write)) is not None:
                await self._one(asked)
        except (request.Malformed, asyncio.LimitOverrunError) as error:
            self._house.problems.append(f"the client sent what is not HTTP: {error}")
            self._transport.write(BAD_REQUEST)
        except (Over, asyncio.CancelledError):
            pass
        except Exception as error:
            self._house.problems.append(f"the provider itself failed: {error!r}")
        finally:
            self._answering = False
            self._transport.close()

    async def _one(self, asked: Asked) -> None:
        self._answering = True
        answer, fault = self._house.prepare(asked)
        await self._send(answer, fault, with_body=asked.method != "HEAD")
        self._house.finished += 1
        if fault.then == "stale":
            await self._wait_for_the_next()
        last = asked.version == "1.0" or (asked.header("connection") or "").lower() == "close"
        if last or answer.framing == "close" or fault.then == "close":
            raise Over

    async def _wait_for_the_next(self) -> None:
        """For its first byte, which is all that is taken of it."""
        if await self._reader.read(1):
            self._house.stale += 1
            self._reset()
        raise Over

    async def _send(self, answer: Answer, fault: Fault, *, with_body: bool) -> None:
        await asyncio.sleep(fault.wait)
        await self._place(HEAD, b"", answer, fault)
        await self._write(fault.before, fault)
        head = head_of(answer)
        for piece in [head] if not fault.head_pause else [head[i : i + 1] for i in range(len(head))]:
            await self._write(piece, fault)
            await asyncio.sleep(fault.head_pause)
        index, last = HEAD, b""
        for index, event in enumerate(answer.events if with_body else ()):
            await asyncio.sleep(0)  # others have their turn, and it may turn out that the client has gone
            await self._place(index, event, answer, fault)
            for piece in filter(None, fault.cut(event)):
                await self._write(last, fault)
                last = framed(piece, answer)
                if not fault.after:  # else it goes out together with that: nothing can come between the two
                    await self._write(last, fault)
                    last = b""
        await self._place(index + 1, b"", answer, fault)
        if fault.end and fault.at > index + 1:
            self._house.problems.append(f"a fault at event {fault.at} did not happen: the last event was {index}")
        self._answering = False  # clients leave as soon as they have read the last event
        end = b"0\r\n\r\n" if answer.framing == "chunked" and with_body else b""
        await self._write(last + end + fault.after, fault)

    async def _place(self, index: int, event: bytes, answer: Answer, fault: Fault) -> None:
        """Before that event: waits if it shall, ends if it shall."""
        here = fault.end if index == fault.at else ""
        if here == "stall" or index == self._house.hold_at:
            await self._house.hold()
        if here in ("reset", "close"):
            await self._end(event, answer, fault)

    async def _end(self, event: bytes, answer: Answer, fault: Fault) -> None:
        if fault.inside:
            data = framed(event, answer)
            await self._write(data[: len(data) // 2], fault)
        await asyncio.sleep(ARRIVES)
        self._answering = False
        if fault.end == "reset":
            self._reset()
        raise Over

    async def _write(self, data: bytes, fault: Fault) -> None:
        for piece in _segments(data, fault.segment):
            if fault.pause or fault.segment:
                await asyncio.sleep(fault.pause)
            self._transport.write(piece)
            self._house.sent += len(piece)
            await self._free.wait()

    def _reset(self) -> None:
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


def head_of(answer: Answer) -> bytes:
    """The bytes up to the empty line."""
    known = answer.status in HTTPStatus._value2member_map_
    reason = HTTPStatus(answer.status).phrase if known else "Unknown"
    length = str(answer.length).encode() if answer.framing == "length" else b""
    framing = {
        "length": (b"Content-Length", length),
        "chunked": (b"Transfer-Encoding", b"chunked"),
        "close": (b"Connection", b"close"),
    }[answer.framing]
    first = f"HTTP/{answer.version} {answer.status} {reason}\r\n".encode()
    headers = (*answer.headers[:2], framing, *answer.headers[2:])
    return first + b"".join(b"%b: %b\r\n" % pair for pair in headers) + b"\r\n"


def framed(piece: bytes, answer: Answer) -> bytes:
    """A piece of the body as it stands on the wire."""
    return b"%x\r\n%b\r\n" % (len(piece), piece) if answer.framing == "chunked" else piece


def _segments(data: bytes, size: int | None) -> Iterable[bytes]:
    if size is None:
        return [data] if data else []
    return (data[i : i + size] for i in range(0, len(data), size))
