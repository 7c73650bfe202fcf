"""Replies that stop, or that nobody waits for any more: deadlines, readers that do not read, those who leave."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from everwarm.errors import Broken, TimedOut, Unreachable
from everwarm.gateway.door import deadlines
from everwarm.gateway.upstreams import client
from everwarm.gateway.upstreams.line import Line
from everwarm.gateway.upstreams.reply import whole
from wire import CHUNKED, OK, Peer, answering, ask, both, on_each_loop, send, until


@pytest.fixture(autouse=True)
def _a_quick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "TICK", 0.01)


LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"


@on_each_loop
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("begun", [LENGTH, CHUNKED + b"64\r\nhalf", b"HTTP/1.1 200 OK\r\n\r\nhalf"])
async def test_an_end_in_the_middle(begun: bytes, reset: bool) -> None:
    """What came before it is given; then it is told, unless it is how such a body ends."""

    async def play(peer: Peer) -> None:
        await peer.heard()
        await peer.say(begun)
        await go_on.wait()
        peer.reset() if reset else peer.end()

    async with both(play) as (_, asks):
        go_on = asyncio.Event()
        reply = await send(asks)
        assert await reply.read() == b"half"
        go_on.set()
        if reset or b"200 OK\r\n\r\n" not in begun:
            with pytest.raises(Broken):
                await reply.read()
        else:
            assert await reply.read() == b""
        await until(lambda: not asks.busy)


# Deadlines


@on_each_loop
@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 200", b"HTTP/1.1 102 Processing\r\n\r\n" * 3])
async def test_an_answer_that_does_not_begin_is_given_up(says: bytes) -> None:
    """Interim answers buy no time."""

    async def play(peer: Peer) -> None:
        await peer.heard()
        for piece in (says[:20], says[20:]):
            await asyncio.sleep(0.03)
            await peer.say(piece)
        assert await peer.gone()

    async with both(play) as (server, asks):
        with pytest.raises(TimedOut, match=r"did not begin to answer within 0\.1 s"):
            await ask(asks, within=0.1)
        await until(lambda: not asks.busy)
        assert server.requests == 1


@on_each_loop
async def test_silence_is_borne_for_so_long_and_only_counted_while_somebody_waits() -> None:
    async def play(peer: Peer) -> None:
        await peer.heard()
        await peer.say(LENGTH)
        await go_on.wait()
        await peer.say(b"a", b"b", b"c", b"d", pause=0.05)
        assert await peer.gone()

    async with both(play, idle=0.25) as (_, asks):
        go_on = asyncio.Event()
        reply = await send(asks)
        assert await reply.read() == b"half"
        await asyncio.sleep(0.4)
        go_on.set()
        assert b"".join([await reply.read() for _ in range(4)]) == b"abcd"
        with pytest.raises(TimedOut, match=r"fell silent in the middle of its answer for 0\.25 s"):
            await reply.read()
        await until(lambda: not asks.busy)


@on_each_loop
@pytest.mark.parametrize("cut", [len(OK), len(OK) - 1])
async def test_a_connection_that_nobody_uses_is_closed(monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    """Also where somebody had to wait for the last of its body."""
    monkeypatch.setattr(client, "KEEP_SECONDS", 0.1)

    async def play(peer: Peer) -> None:
        await peer.heard()
        await peer.say(OK[:cut], OK[cut:], pause=0.02)
        assert await peer.gone()
        closed.set()

    async with both(play) as (_, asks):
        closed = asyncio.Event()
        assert await ask(asks) == (200, b"ok")
        await asyncio.wait_for(closed.wait(), 2)


# Readers and their leaving


@on_each_loop
async def test_who_does_not_read_holds_the_upstream_up() -> None:
    size = 50_000_000
    sent = 0

    async def play(peer: Peer) -> None:
        nonlocal sent
        await peer.heard()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(size // 100_000):
            await peer.say(b"x" * 100_000)
            sent += 100_000
        await peer.heard()

    async with both(play) as (_, asks):
        reply = await send(asks)
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.1)
        assert sent < 20_000_000  # the systems' buffers, which grow
        assert reply.waiting_bytes < 400_000
        assert len(await whole(reply)) == size
        assert not asks.busy


@on_each_loop
@pytest.mark.parametrize("says", [b"", LENGTH])
async def test_who_goes_closes_the_connection(says: bytes) -> None:
    async def play(peer: Peer) -> None:
        await peer.heard()
        await peer.say(says)
        assert await peer.gone()
        closed.set()

    async with both(play) as (_, asks):
        closed = asyncio.Event()
        asking = asyncio.create_task(send(asks))
        await until(lambda: asks.busy)
        if says:
            (await asking).close()
        else:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        await asyncio.wait_for(closed.wait(), 2)
        assert not asks.busy


@on_each_loop
async def test_who_goes_when_the_answer_has_just_come_takes_nothing_from_others() -> None:
    """The connection carries somebody else's request by then."""
    async with both(answering) as (server, asks):
        first = asyncio.create_task(ask(asks, b"first"))
        rest, rested = asks._rest, asyncio.Event()

        def gone(line: Line) -> None:
            rest(line)
            first.cancel()
            rested.set()

        asks._rest = gone  # type: ignore[method-assign]

        async def second() -> tuple[int, bytes]:
            while not rested.is_set():
                await asyncio.sleep(0)
            return await ask(asks, b"second")

        assert await second() == (200, b"second")
        assert (await asyncio.gather(first, return_exceptions=True))[0] != (200, b"first")
        assert [[body for _, body in peer.requests] for peer in server.peers] == [[b"first", b"second"]]


@on_each_loop
async def test_an_answer_before_the_body_was_sent_is_given_and_is_the_connections_last() -> None:
    async def play(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(OK.replace(b"200 OK", b"413 Too Large"))
        with suppress(ConnectionResetError):
            assert len(await peer.reader.read(-1)) < size

    async with both(play) as (server, asks):
        size = 20_000_000
        assert await ask(asks, b"x" * size) == (413, b"ok")
        await until(lambda: not asks.busy)
        assert await ask(asks, b"x" * size) == (413, b"ok")
        assert len(server.peers) == 2


@on_each_loop
async def test_closing_closes_all_connections() -> None:
    async def play(peer: Peer) -> None:
        await peer.heard()
        if len(server.peers) % 3:
            await peer.say(OK if len(server.peers) % 3 == 1 else LENGTH)
        assert await peer.gone()
        gone.append(peer)

    async with both(play) as (server, asks):
        gone: list[Peer] = []
        assert await ask(asks) == (200, b"ok")
        (line,) = asks._kept
        asks._kept.clear()  # so that the next one gets another
        reply, asking = await send(asks), asyncio.create_task(send(asks))
        await until(lambda: server.requests == 3)
        assert asks.busy
        await asks.close()
        await until(lambda: len(gone) == 3)
        assert await reply.read() == b"half"
        with pytest.raises(Broken):
            await reply.read()
        with pytest.raises(Unreachable):
            await asking
        await until(lambda: not asks.busy)
        assert line.transport.is_closing()
