"""r12: 10,000 open streams finish; memory per stream is bounded; a slow reader does not grow memory.

Here with as many as fit into a test; ``python -m benchmarks streams`` opens 10,000.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from apart import Apart, apart, needs_proc
from behind import CHAT, Behind, behind, body, headers, upstreams
from providers import Provider, faults
from providers.bare import chunks

pytestmark = needs_proc

STREAMS = 800
AT_ONCE = 100
KIB, MIB = 2**10, 2**20
BOUND = 100 * KIB
"""Of each stream. The benchmark's is 40 kB over 10,000 of them; fewer have a larger part of what comes in steps."""


KEEPS = "[cache]\nentry_mb = 1"
"""What has come so far of an answer is kept, to be stored in the end: so much of it at most."""


@pytest.fixture(scope="module", autouse=True)
def many_files() -> Iterator[None]:
    """Both ends of each stream are in this process: as many sockets as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory, fake: Provider) -> Iterator[Apart]:
    with apart(tmp_path_factory.mktemp("gateway"), f"{KEEPS}\n{upstreams(fake)}") as running:
        for i in range(50):
            httpx.post(running.url + CHAT, json=body(CHAT, f"warm {i}"), headers=headers(CHAT))
        yield running


def request(url: str, question: str) -> bytes:
    data = json.dumps(body(CHAT, question, stream=True)).encode()
    named = {**headers(CHAT), "host": urlsplit(url).netloc, "content-length": str(len(data)), "connection": "close"}
    lines = [f"POST {CHAT} HTTP/1.1", *(f"{k}: {v}" for k, v in named.items()), "", ""]
    return "\r\n".join(lines).encode() + data


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]


async def opened(url: str, question: str, turn: asyncio.Semaphore) -> Stream:
    """A stream whose first event has come, and what has come so far."""
    at = urlsplit(url)
    async with turn:
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        writer.write(request(url, question))
        return reader, writer, await reader.readuntil(b"data: ")


async def all_open(served: Apart, fake: Provider) -> tuple[int, list[bytes]]:
    """The memory that all streams take while they are open; then all of them."""
    before = served.resident
    fake.hold_at = 2
    turn = asyncio.Semaphore(AT_ONCE)
    async with asyncio.timeout(60):
        streams = await asyncio.gather(*(opened(served.url, f"open {i}", turn) for i in range(STREAMS)))
    taken = served.resident - before
    assert served.files >= 2 * STREAMS
    fake.go.set()
    async with asyncio.timeout(60):
        answers = [begun + await reader.read(-1) for reader, _, begun in streams]
    for _, writer, _ in streams:
        writer.close()
    return taken, answers


def test_all_streams_finish_and_each_takes_little(served: Apart, fake: Provider) -> None:
    asked = len(fake.asked)
    files = served.files
    taken, answers = asyncio.run(all_open(served, fake))
    print(f"{STREAMS} open streams: {taken / STREAMS / KIB:.0f} KiB of memory each")
    assert len(fake.asked) == asked + STREAMS
    for i, answer in enumerate(answers):
        assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        words = re.findall(r'"content":"([^"]*)"', b"".join(chunks(answer)).decode())
        assert re.fullmatch(rf"answer \d+ to open {i}", "".join(words))
    assert taken < STREAMS * BOUND
    idle = fake.open
    fake.drop_connections()
    fake.until(lambda _: served.files <= files)
    assert idle <= STREAMS + 50


def lazy(url: str, question: str) -> socket.socket:
    """A client that asks for a stream and reads nothing of it."""
    at = urlsplit(url)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * KIB)
    sock.settimeout(20)
    sock.connect((at.hostname, at.port))
    sock.sendall(request(url, question))
    return sock


def settled(fake: Provider) -> int:
    """How much the provider has sent, once it sends no more."""
    sent = -1
    while sent != fake.sent:
        sent = fake.sent
        time.sleep(0.3)
    return sent


def test_slow_readers_do_not_grow_memory(served: Apart, fake: Provider) -> None:
    """Answers of 100 MB wait with the upstream: what lies in between is bounded."""
    readers, size = 20, 100_000_000
    fake.plan = [faults.huge(size)] * readers
    before, sent = served.forget_peak(), fake.sent
    socks = [lazy(served.url, f"slow {i}") for i in range(readers)]
    try:
        fake.until(lambda f: len(f.asked) == 50 + readers)
        on_the_way = (settled(fake) - sent) / readers
        grown = (served.peak - before) / readers
        print(f"a reader that does not read: {grown / KIB:.0f} KiB here, {on_the_way / KIB:.0f} KiB sent")
        assert grown < 2 * MIB
        assert on_the_way < 16 * MIB  # what the system's own buffers take, too
        assert b"data: " in socks[0].recv(2**16)
    finally:
        for sock in socks:
            sock.close()
    fake.until(lambda f: f.cancelled == readers)


@pytest.fixture
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    with behind(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def test_a_fast_reader_need_not_wait_for_a_slow_one(both: Behind) -> None:
    """They share one call; what the slow one has not read yet is kept for it, as long as that is an entry's size."""
    both.fake.plan = [faults.huge(4_000_000)]
    both.fake.hold_at = 0
    slow = lazy(both.live.url, "shared")
    try:
        both.fake.until(lambda f: f.asked)
        both.fake.hold_at = None
        both.fake.go.set()
        fast = both.ask(CHAT, "shared", stream=True)
        assert fast.headers["x-everwarm-cache"] == "joined"
        assert len(fast.content) > 4_000_000
        assert len(both.fake.asked) == 1
        read = b""
        while not read.endswith(b"\r\n0\r\n\r\n"):
            read += slow.recv(2**20)
        assert b"".join(chunks(read)) == fast.content
    finally:
        slow.close()
