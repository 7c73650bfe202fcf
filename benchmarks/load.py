"""A load generator that is not the bottleneck: raw HTTP/1.1 over kept connections, each with one request under way.

It sends one request again and again, with a running number in the place of ``@@@@@@@@`` if that stands in it. It counts
whole responses by their length, and checks that each begins with 200.
Bounded in time, and in number if one is given. Runs as a process of its own: ``python -m benchmarks.load HOST PORT
SECONDS CONNECTIONS [REQUESTS] < request``.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from itertools import count
from time import perf_counter, process_time
from typing import cast

NUMBER = b"@" * 8
TOP = 10 ** len(NUMBER)


class Asker(asyncio.Protocol):
    """One connection."""

    numbers = count(random.randrange(TOP))  # so that one measurement does not repeat what another has asked
    left = sys.maxsize
    """Requests that all connections together may still send."""

    def __init__(self, request: bytes, until: float, latencies: list[float]) -> None:
        self.request = request
        self.numbered = NUMBER in request
        self.until = until
        self.latencies = latencies
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._head = b""
        self._left = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass of it
        self._ask()

    def _ask(self) -> None:
        Asker.left -= 1
        request = self.request.replace(NUMBER, b"%08d" % (next(self.numbers) % TOP)) if self.numbered else self.request
        self._sent = perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            data, self._left = self._head, end + 4 + _length(self._head[:end])
            self._head = b""
        self._left -= len(data)
        if self._left > 0:
            return
        now = perf_counter()
        self.latencies.append(now - self._sent)
        if now < self.until and Asker.left > 0:
            self._ask()
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


def _length(head: bytes) -> int:
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"not a 200: {head[:200]!r}")
    at = head.lower().index(b"content-length:")
    return int(head[at + 15 : head.find(b"\r\n", at) if b"\r\n" in head[at:] else None])


async def load(host: str, port: int, seconds: float, connections: int, request: bytes) -> dict[str, float]:
    """Requests per second, latency percentiles in milliseconds, and the share of one core that this process used."""
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    begun, used = perf_counter(), process_time()
    made = [
        await loop.create_connection(lambda: Asker(request, begun + seconds, latencies), host, port)
        for _ in range(connections)
    ]
    await asyncio.gather(*(asker.closed for _, asker in made))
    took = perf_counter() - begun
    ordered = sorted(latencies)
    return {
        "per_second": len(ordered) / took,
        "p50_ms": 1000 * ordered[len(ordered) // 2],
        "p99_ms": 1000 * ordered[len(ordered) * 99 // 100],
        "client_cpu": (process_time() - used) / took,
        "requests": len(ordered),
    }


def main() -> None:
    """Prints one line of JSON."""
    host, port, seconds, connections = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    if len(sys.argv) > 5:
        Asker.left = int(sys.argv[5])
    request = sys.stdin.buffer.read()
    try:
        import uvloop

        run = uvloop.run
    except ImportError:
        run = asyncio.run
    print(json.dumps(run(load(host, port, seconds, connections, request))))


if __name__ == "__main__":
    main()
