"""Open streams: what each of them costs in memory while all wait for their next event, beside a bare forwarder.

Provider, server and clients are processes of their own: a server needs two sockets for each stream, and the system
bounds how many one process may have (``ulimit -n``). ``python -m benchmarks.streams provider`` and ``... clients PORT
NUMBER`` are the two sides.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar, NamedTuple, cast

import uvloop
from rich.table import Table

from benchmarks.provider import PACED
from benchmarks.servers import Running, console, everwarm, started

NUMBER = 10_000
SPARE = 200  # sockets and files that a server has besides
AT_ONCE = 200  # connections that are being made
PATIENCE = 120.0  # seconds for all streams to open, and to end
BOUND = 40  # kB a stream


class Held(asyncio.Protocol):
    """A connection of the provider: a stream's head and first event come at once, the rest after ``GET /go``."""

    waiting: ClassVar[list[asyncio.Transport]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        if self._data.startswith(b"GET"):
            for transport in self.waiting:
                transport.write(b"".join(PACED[1:]))
            self.waiting.clear()
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        elif self._data.endswith(b"}"):  # the body has one brace: its last byte
            self._data = b""
            self._transport.write(PACED[0])
            self.waiting.append(self._transport)


class Asker(asyncio.Protocol):
    """A client's connection with one stream."""

    def __init__(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        self.opened, self.ended = loop.create_future(), loop.create_future()
        self._number = number
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        body = b'{"model":"m","stream":true,"messages":[],"seed":%d%06d}' % (os.getpid(), self._number)
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        cast(asyncio.Transport, transport).write(head + b"content-length: %d\r\n\r\n%b" % (len(body), body))

    def data_received(self, data: bytes) -> None:
        self._data = self._data[-200:] + data
        if b"data:" in self._data:
            _set(self.opened)
        if self._data.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"):
            _set(self.ended)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self.opened, self.ended):
            if not future.done():
                future.set_exception(ConnectionError("the stream broke off"))


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def provide() -> None:
    """Serve until told to stop."""
    server = await asyncio.get_running_loop().create_server(Held, "127.0.0.1", 0, backlog=4096)
    print(f"listening  http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def ask(port: int, number: int) -> None:
    """Open so many streams, say so, wait for a line, and say how many came to their end."""
    loop, turn = asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)

    async def opened(i: int) -> Asker:
        async with turn:
            _, asker = await loop.create_connection(lambda: Asker(i), "127.0.0.1", port)
            await asker.opened
            return asker

    async with asyncio.timeout(PATIENCE):
        askers = await asyncio.gather(*(opened(i) for i in range(number)))
    print(f"open {len(askers)}", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    async with asyncio.timeout(PATIENCE):
        ends = await asyncio.gather(*(a.ended for a in askers), return_exceptions=True)
    print(f"ended {sum(end is None for end in ends)}", flush=True)


class Figures(NamedTuple):
    """Memory of a server in MiB: before, with all streams open, and after; how many streams were open, and ended."""

    before: float
    open: float
    after: float
    opened: int
    ended: int

    @property
    def kilobytes(self) -> float:
        """Of each open stream."""
        return 1024 * (self.open - self.before) / self.opened


def measured(server: Running, provider: Running, number: int) -> Figures:
    """All streams opened, held, and let go."""
    with clients(server.port, 10) as say:  # what the first requests load is no stream's
        say("open")
        go(provider)
        say("ended")
    before = server.resident_mib()
    with clients(server.port, number) as say:
        opened = say("open")
        held = server.resident_mib()
        go(provider)
        ended = say("ended")
    return Figures(before, held, server.resident_mib(), opened, ended)


@contextmanager
def clients(port: int, number: int) -> Iterator[Callable[[str], int]]:
    """Clients in a process of their own; what it gives waits until they say that word, and returns their number."""
    command = [sys.executable, "-m", "benchmarks.streams", "clients", str(port), str(number)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    out, back = process.stdin, process.stdout

    def say(word: str) -> int:
        if word == "ended":
            print(file=out, flush=True)
        said = back.readline().split()
        if said[:1] != [word]:
            raise SystemExit(f"the clients did not come to {word!r} within {PATIENCE:g} s")
        return int(said[1])

    try:
        yield say
    finally:
        process.kill()
        process.communicate()


def go(provider: Running) -> None:
    """Let all streams end."""
    connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=PATIENCE)
    connection.request("GET", "/go")
    connection.getresponse().read()
    connection.close()


def possible() -> int:
    """How many streams the system's bound on open files allows for; raised as far as we may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return NUMBER if most == resource.RLIM_INFINITY else min(NUMBER, (most - SPARE) // 2)


def run() -> None:
    """Prints a table."""
    number = possible()
    table = Table(title=f"{number:,} streams open at once, one worker process")
    for name in ("", "kB a stream", "bound", "MiB before", "open", "after", "streams that ended"):
        table.add_column(name, no_wrap=True, justify="right" if name else "left")
    with started(["benchmarks.streams", "provider"]) as provider:
        with started(["benchmarks.forwarder", provider.url]) as server:
            _row(table, "forwarder", "", measured(server, provider, number))
        with everwarm("--model", "none", "--upstream", f"openai={provider.url}/v1") as server:
            _row(table, "ours", str(BOUND), measured(server, provider, number))
    if number < NUMBER:
        print(f"{NUMBER:,} streams need {2 * NUMBER + SPARE:,} open files a process; the system allows for fewer")
    console().print(table)


def _row(table: Table, who: str, bound: str, of: Figures) -> None:
    memory = (f"{mib:.0f}" for mib in (of.before, of.open, of.after))
    table.add_row(who, f"{of.kilobytes:.1f}", bound, *memory, f"{of.ended:,} of {of.opened:,}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["provider"]:
        possible()
        uvloop.run(provide())
    elif sys.argv[1:2] == ["clients"]:
        uvloop.run(ask(int(sys.argv[2]), int(sys.argv[3])))
    else:
        run()
