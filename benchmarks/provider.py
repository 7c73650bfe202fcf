"""A provider that costs as little as possible: a constant chat answer, as JSON or as a stream, over kept connections.

``python -m benchmarks.provider``: prints its URL, serves until told to stop.
"""

from __future__ import annotations

import asyncio
import json
from typing import cast

CHUNKS = 20

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


def _response(kind: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, len(body), body)


JSON = _response(b"application/json", whole())
STREAM = _response(b"text/event-stream", b"".join(events()))


class Connection(asyncio.Protocol):
    """One connection, one request after another."""

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
            streamed = b'"stream": true' in self._data
            self._data, self._left = self._data[self._left :], -1
            self._transport.write(STREAM if streamed else JSON)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(f"listening  http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until told to stop."""
    try:
        import uvloop

        uvloop.run(_serve())
    except ImportError:
        asyncio.run(_serve())


if __name__ == "__main__":
    main()
