"""Time to the first byte of a streamed miss: straight to the provider, and through each gateway.

The provider writes the head and the first event at once, and the rest over a tenth of a second. The clock runs from the
request's last byte to the first byte of the first event: a head that comes early counts for nothing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import count
from statistics import median
from time import perf_counter
from typing import cast

import uvloop
from rich.table import Table

from benchmarks.asking import NUMBER, Gateway
from benchmarks.field import Field
from benchmarks.rates import CONNECTIONS
from benchmarks.servers import console, everwarm, started

SIZE = 2_000
NEW = f'"stream":true,"seed":1{NUMBER}'
LIMIT = 60.0  # seconds that one answer may take
BOUND = "+0.50"

Times = dict[str, list[float]]


class Listener(asyncio.Protocol):
    """One connection, one stream after another."""

    numbers = count(random.randrange(10**7))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._data = b""
        self._first = 0.0

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._first and b"data:" in self._data:
            self._first = perf_counter()
        if self._data.endswith(b"\r\n0\r\n\r\n") or not self._data.startswith(b"HTTP/1.1 200"):
            self._ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    async def ask(self, request: bytes) -> float:
        """Milliseconds to the first event of a new stream. Returns when the stream has ended."""
        self._data, self._first, self._ended = b"", 0.0, asyncio.get_running_loop().create_future()
        begun = perf_counter()
        self._transport.write(request.replace(NUMBER.encode(), b"%08d" % next(self.numbers)))
        async with asyncio.timeout(LIMIT):
            await self._ended
        if b"data: [DONE]" not in self._data:
            raise SystemExit(f"no whole stream: {self._data[:300]!r}")
        return 1000 * (self._first - begun)


async def listener(gateway: Gateway) -> Listener:
    """A new connection."""
    made = await asyncio.get_running_loop().create_connection(Listener, "127.0.0.1", gateway.server.port)
    return made[1]


async def alone(gateways: Iterable[Gateway], seconds: float) -> Times:
    """One request at a time, to each in turn, until each had so many seconds."""
    asked = {g.name: (await listener(g), g.request(SIZE, NEW)) for g in gateways}
    for one, request in asked.values():
        await one.ask(request)  # the first opens connections behind it
    times: Times = {name: [] for name in asked}
    until = perf_counter() + seconds * len(asked)
    while perf_counter() < until or not times[next(iter(times))]:
        for name, (one, request) in asked.items():
            times[name].append(await one.ask(request))
    return times


async def together(gateways: Iterable[Gateway], seconds: float, rounds: int) -> Times:
    """As many as there are connections at a time, to one after another, in rounds."""
    times: Times = {}
    for _ in range(rounds):
        for gateway in gateways:
            until = perf_counter() + seconds
            ones = [_again(await listener(gateway), gateway.request(SIZE, NEW), until) for _ in range(CONNECTIONS)]
            for of in await asyncio.gather(*ones):
                times.setdefault(gateway.name, []).extend(of)
    return times


async def _again(one: Listener, request: bytes, until: float) -> list[float]:
    times = [await one.ask(request)]
    while perf_counter() < until:
        times.append(await one.ask(request))
    return times


def run(field: Field, *, seconds: float, rounds: int) -> None:
    """Prints a table: medians, and how much they are over the provider's own."""
    url = field.provider.url
    with ExitStack() as stack:
        gateways = [
            Gateway("the provider itself", field.provider),
            Gateway("forwarder", stack.enter_context(started(["benchmarks.forwarder", url]))),
            Gateway("ours", stack.enter_context(everwarm("--model", "none", "--upstream", f"openai={url}/v1"))),
            *field.peers,
        ]
        one = uvloop.run(alone(gateways, seconds * rounds))
        many = uvloop.run(together(gateways, seconds, rounds))
    table = Table(title="First byte of a streamed miss, 2 kB, median in ms")
    for name in ("", "one at a time", "over direct", "bound", f"{CONNECTIONS} at a time", "over direct"):
        table.add_column(name, no_wrap=True, justify="right" if name else "left")
    direct = gateways[0].name
    for name in one:
        times = [(median(of[name]), median(of[name]) - median(of[direct])) for of in (one, many)]
        (ms, over), (busy, busy_over) = times
        bound = BOUND if name == "ours" else ""
        table.add_row(name, f"{ms:.2f}", f"{over:+.2f}", bound, f"{busy:.2f}", f"{busy_over:+.2f}")
    console().print(table)
