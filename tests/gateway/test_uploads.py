"""Bodies that are passed on as they come: sent once, as fast as both sides go, never taken for whole if they broke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from everwarm.errors import TimedOut, Unreachable
from everwarm.gateway.door import deadlines
from everwarm.gateway.upstreams.client import Client, Upload
from everwarm.gateway.upstreams.reply import Reply, whole
from wire import CHUNKED, OK, Peer, answering, ask, both, on_each_loop, until

LARGE = b"x" * 100_000


@pytest.fixture(autouse=True)
def _a_quick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "TICK", 0.01)


class Source:
    """Gives its pieces after ``pause`` seconds each; ``error`` in place of its end. ``left``: nobody wants more."""

    def __init__(self, *pieces: bytes, pause: float = 0.0, error: Exception | None = None) -> None:
        self.given = 0
        self.left = False
        self.stop_at: int | None = None
        self._pieces = pieces
        self._pause = pause
        self._error = error

    async def _come(self) -> AsyncIterator[bytes]:
        try:
            for i, piece in enumerate(self._pieces):
                await asyncio.sleep(100 if i == self.stop_at else self._pause)
                self.given += len(piece)
                yield piece
            if self._error is not None:
                raise self._error
        finally:
            self.left = True

    async def send(self, client: Client, *, length: int | None = None, within: float = 5.0) -> Reply:
        upload = Upload(self._come(), b"" if length is None else b"%d" % length)
        return await client.send(b"POST", b"/files", [], upload, within=within)


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b""))


@on_each_loop
async def test_it_goes_out_with_its_length_or_in_chunks() -> None:
    async with both(answering) as (server, client):
        for pieces in ([b"a", b"", b"bc" * 20_000], [], [b""]):
            body = b"".join(pieces)
            reply = await Source(*pieces).send(client, length=len(body))
            assert await whole(reply) == body
            reply = await Source(*pieces).send(client)
            assert await whole(reply) == chunks(*filter(None, pieces))
        for i, peer in enumerate(server.peers):
            head, _ = peer.requests[0]
            assert head.startswith(b"POST /v1/files HTTP/1.1\r\n")
            assert (head.count(b"content-length: "), head.count(b"transfer-encoding: chunked")) == (1 - i % 2, i % 2)


@on_each_loop
async def test_it_has_a_new_connection_which_is_kept_for_others() -> None:
    """A kept one may be dead, and an upload cannot be sent again."""
    async with both(answering) as (server, client):
        await ask(client)
        assert await whole(await Source(b"a").send(client, length=1)) == b"a"
        await asyncio.sleep(0.01)
        assert await ask(client, b"b") == (200, b"b")
        assert [len(peer.requests) for peer in server.peers] == [1, 2]


@on_each_loop
@pytest.mark.parametrize("length", [None, 1000])
async def test_one_that_breaks_off_is_not_taken_for_whole(length: int | None) -> None:
    async def play(peer: Peer) -> None:
        with suppress(ConnectionResetError):
            came.append(await peer.reader.read(-1))

    async with both(play) as (server, client):
        came: list[bytes] = []
        source = Source(b"a" * 10, pause=0.01, error=ConnectionError("the client has gone"))
        with pytest.raises(Unreachable):
            await source.send(client, length=length)
        await until(lambda: not client.busy)
        assert len(server.peers) == 1
        assert not any(data.endswith(b"0\r\n\r\n") for data in came)


@on_each_loop
async def test_a_connection_that_is_lost_ends_the_source() -> None:
    async def play(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.reader.readuntil(b"a")
        peer.reset()

    async with both(play) as (server, client):
        source = Source(b"a", *[b"b"] * 1000, pause=0.01)
        with pytest.raises(Unreachable):
            await source.send(client)
        await until(lambda: source.left)
        assert source.given < 100
        assert len(server.peers) == 1


# Time


@on_each_loop
async def test_a_slow_one_is_borne_while_it_goes_on() -> None:
    """The time for an answer to begin counts from the last piece."""
    async with both(answering) as (_, client):
        source = Source(*[b"x"] * 8, pause=0.1)
        assert await whole(await source.send(client, length=8, within=0.4)) == b"x" * 8


@on_each_loop
async def test_one_that_stops_is_given_up() -> None:
    async def play(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.reader.readuntil(b"a")
        assert await peer.gone()

    async with both(play) as (_, client):
        source = Source(b"a", b"b", pause=0.0)
        source.stop_at = 1
        with pytest.raises(TimedOut):
            await source.send(client, length=2, within=0.1)
        await until(lambda: source.left and not client.busy)


@on_each_loop
async def test_an_upstream_that_does_not_read_holds_the_source_up_and_is_given_up() -> None:
    async def play(peer: Peer) -> None:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await done.wait()

    async with both(play) as (_, client):
        done, source = asyncio.Event(), Source(*[LARGE] * 500)
        with pytest.raises(TimedOut):
            await source.send(client, within=0.3)
        assert source.given < 20_000_000  # the systems' buffers, which grow
        await until(lambda: not client.busy)
        given = source.given
        await asyncio.sleep(0.02)
        assert source.given == given
        done.set()


# Answers that do not wait for its end


@on_each_loop
async def test_an_answer_may_come_beside_it() -> None:
    async def play(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(CHUNKED)
        while (piece := await peer.reader.readuntil(b"\r\n")) != b"0\r\n":
            data = await peer.reader.readexactly(int(piece, 16) + 2)
            await peer.say(piece + data)
        await peer.say(b"0\r\n\r\n")

    async with both(play) as (_, client):
        source = Source(*[b"%d" % i for i in range(10)], pause=0.02)
        reply = await source.send(client)
        given = []
        while piece := await reply.read():
            given.append((piece, source.given))
        assert b"".join(piece for piece, _ in given) == b"0123456789"
        assert given[0][1] < 10


@on_each_loop
async def test_an_answer_that_ends_before_it_ends_it() -> None:
    """And the connection: what may still be on its way belongs to no other request."""

    async def play(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(OK.replace(b"200 OK", b"413 Too Large"))
        with suppress(ConnectionResetError):
            await peer.reader.read(-1)
        gone.set()

    async with both(play) as (server, client):
        gone, source = asyncio.Event(), Source(*[b"x" * 1000] * 500, pause=0.01)
        reply = await source.send(client)
        assert (reply.status, await whole(reply)) == (413, b"ok")
        await gone.wait()
        assert source.left
        assert source.given < 100_000
        assert not client.busy
        assert len(server.peers) == 1


@on_each_loop
@pytest.mark.parametrize("begun", [False, True])
async def test_who_leaves_ends_it(begun: bool) -> None:
    async def play(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        if begun:
            await peer.say(CHUNKED)
        with suppress(ConnectionResetError):
            await peer.reader.read(-1)
        gone.set()

    async with both(play) as (_, client):
        gone, source = asyncio.Event(), Source(*[b"x"] * 1000, pause=0.01)
        asking = asyncio.create_task(source.send(client))
        await until(lambda: source.given > 2)
        if begun:
            (await asking).close()
        else:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        await gone.wait()
        assert source.left
        assert source.given < 100
