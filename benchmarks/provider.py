"""A provider that costs as little as possible: a constant chat answer, as JSON or as a stream, over kept connections.

``python -m benchmarks.provider [--pause SECONDS]``: prints its URL, serves until told to stop. With a pause, a
stream's head and first event come at once, and the rest in ``PIECES`` pieces with a pause before each. ``GET /calls``
answers how many calls there were, so that a benchmark can prove that a hit was one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import cast

CHUNKS = 20
PIECES = 4

_HEAD = {"id": "chatcmpl-1", "created": 1, "model": "constant"}
_USAGE = {"prompt_tokens": 500, "completion_tokens": 100, "total_tokens": 600}


def whole() -> bytes:
    """A JSON answer of about a kilobyte."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "cached " * 100}, "finish_reason": "stop"}
    return json.dumps({**_HEAD, "object": "chat.completion", "choices": [choice], "usage": _USAGE}).encode()


def events() -> list[bytes]:
    """The same as a stream."""
    head = {**_HEAD, "object": "chat.completion.chunk"}
    deltas = [{"role": "assistant", "content": ""}, *({"content": "cached " * 5} for _ in range(CHUNKS)), {}]
    chunks = [
        {**head, "choices": [{"index": 0, "delta": d, "finish_reason": "stop" if not d else None}]} for d in deltas
    ]
    return [b"data: %b\n\n" % json.dumps(c).encode() for c in chunks] + [b"data: [DONE]\n\n"]


def pieces() -> list[bytes]:
    """The stream as it is written where there are pauses: the head with the first event, then the rest."""
    first, *rest = events()
    size = -(-len(rest) // PIECES)
    parts = [first, *(b"".join(rest[at : at + size]) for at in range(0, len(rest), size))]
    framed = [b"%x\r\n%b\r\n" % (len(part), part) for part in parts]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    return [head + framed[0], *framed[1:-1], framed[-1] + b"0\r\n\r\n"]


def _response(kind: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, len(body), body)


JSON = _response(b"application/json", whole())
STREAM = _response(b"text/event-stream", b"".join(events()))
PACED = pieces()
STREAMED = (b'"stream":true', b'"stream": true')


class Connection(asyncio.Protocol):
    """One connection, one request after another."""

    pause = 0.0
    calls = 0

    def __init__(self) -> None:
        self._data = b""
        self._left = -1  # bytes of the body that are still to come; -1: the head is not whole

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._left < 0:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._data[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            self._left = end + 4 + length
        if len(self._data) >= self._left:
            request, self._data, self._left = self._data[: self._left], self._data[self._left :], -1
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if request.startswith(b"GET /calls"):
            self._transport.write(_response(b"text/plain", b"%d" % Connection.calls))
            return
        Connection.calls += 1
        if not any(mark in request for mark in STREAMED):
            self._transport.write(JSON)
        elif not self.pause:
            self._transport.write(STREAM)
        else:
            self._pace(0)

    def _pace(self, number: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(PACED[number])
        if number + 1 < len(PACED):
            asyncio.get_running_loop().call_later(self.pause, self._pace, number + 1)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(f"listening  http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pause", type=float, default=0.0)
    Connection.pause = parser.parse_args().pause
    try:
        import uvloop

        uvloop.run(_serve())
    except ImportError:
        asyncio.run(_serve())


if __name__ == "__main__":
    main()
