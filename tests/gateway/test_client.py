"""Connections that are kept: who gets which, when a request is sent again, and when a connection is closed."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import suppress

import pytest

from everwarm.errors import Unreachable
from everwarm.gateway.upstreams import client
from wire import OK, Peer, answering, ask, both, on_each_loop, until

# What goes out


@on_each_loop
async def test_a_request_goes_out_as_it_should() -> None:
    async with both(answering) as (server, asks):
        assert await ask(asks, b"body") == (200, b"body")
        assert await ask(asks, b"") == (200, b"")
        assert await ask(asks, b"", method=b"GET") == (200, b"")
        headers = [(b"x-a", "Grüße\xff".encode("latin-1"))]
        assert (await asks.send(b"POST", b"/a?b=%20c", headers, b"d" * 200_000, within=5)).status == 200
        (peer,) = server.peers
    head = f"POST /v1/chat HTTP/1.1\r\nHost: {server.url[7:-3]}\r\naccept-encoding: identity\r\nx-a: b\r\n".encode()
    assert peer.requests[0] == (head + b"content-length: 4\r\n\r\n", b"body")
    assert peer.requests[1] == (head + b"content-length: 0\r\n\r\n", b"")
    assert peer.requests[2] == (head.replace(b"POST", b"GET") + b"\r\n", b"")
    assert peer.requests[3][0].startswith(b"POST /v1/a?b=%20c HTTP/1.1\r\n")
    assert b"\r\nx-a: Gr\xfc\xdfe\xff\r\n" in peer.requests[3][0]
    assert peer.requests[3][1] == b"d" * 200_000


@on_each_loop
async def test_each_gets_its_own_answer() -> None:
    async with both(answering) as (server, asks):
        for _ in range(3):
            bodies = [b"%d" % i * (1 + i * 700) for i in range(40)]
            assert await asyncio.gather(*(ask(asks, body) for body in bodies)) == [(200, body) for body in bodies]
        assert len(server.peers) == 40
        assert not asks.busy
        await ask(asks, b"last")
        assert [peer.requests[-1][1] for peer in server.peers].count(b"last") == 1


# Connections that died, or that say what nobody asked for


POISON = OK.replace(b"ok", b"no")


@on_each_loop
@pytest.mark.parametrize("how", ["end", "reset", POISON, b"x"])
async def test_a_kept_connection_that_is_not_silent_is_closed(how: str | bytes) -> None:
    async def play(peer: Peer) -> None:
        await peer.heard()
        await peer.say(OK)
        if len(server.peers) == 1:
            if isinstance(how, bytes):
                await peer.say(how)
            else:
                peer.end() if how == "end" else peer.reset()
        assert await peer.gone()

    async with both(play) as (server, asks):
        assert await ask(asks) == (200, b"ok")
        await until(lambda: not asks._kept)
        assert await ask(asks) == (200, b"ok")
        assert [len(peer.requests) for peer in server.peers] == [1, 1]


@on_each_loop
@pytest.mark.parametrize("how", ["end", POISON, b"x"])
async def test_what_the_event_loop_has_not_seen_yet_is_looked_for(how: str | bytes) -> None:
    """What came since it last looked would be taken for the answer to what is sent now."""

    async def play(peer: Peer) -> None:
        await peer.heard()
        await peer.say(OK)
        assert await peer.gone()

    async with both(play) as (server, asks):
        assert await ask(asks) == (200, b"ok")
        with socket.socket(fileno=os.dup(server.peers[0].writer.get_extra_info("socket").fileno())) as sock:
            sock.send(how) if isinstance(how, bytes) else sock.shutdown(socket.SHUT_WR)
        assert await ask(asks) == (200, b"ok")
        assert [len(peer.requests) for peer in server.peers] == [1, 1]


@on_each_loop
@pytest.mark.parametrize("number", [1, 5])
@pytest.mark.parametrize("reset", [False, True])
async def test_a_request_is_sent_again_once_for_each_dead_connection(number: int, reset: bool) -> None:
    """A connection that has carried something before and closes when the next request reaches it counts as dead."""

    async def play(peer: Peer) -> None:
        await peer.heard()
        await until(lambda: len(server.peers) >= number)
        await peer.say(OK)
        await peer.heard()
        if reset:
            peer.reset()

    async with both(play) as (server, asks):
        assert await asyncio.gather(*(ask(asks) for _ in range(number))) == [(200, b"ok")] * number
        assert await ask(asks) == (200, b"ok")
        assert [len(peer.requests) for peer in server.peers] == [2] * number + [1]
        assert not asks.busy


@on_each_loop
@pytest.mark.parametrize(
    "says", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n", b"no HTTP\r\n\r\n"]
)
async def test_what_has_begun_to_answer_is_not_asked_again(says: bytes) -> None:
    """It has seen the request, and perhaps done what was asked."""

    async def play(peer: Peer) -> None:
        await peer.heard()
        await peer.say(OK)
        await peer.heard()
        await peer.say(says)

    async with both(play) as (server, asks):
        await ask(asks)
        with pytest.raises(Unreachable):
            await ask(asks)
        assert server.requests == 2


@on_each_loop
async def test_nor_what_has_taken_its_time_or_was_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "AT_ONCE", 0.05)

    async def play(peer: Peer) -> None:
        await peer.heard()
        if len(server.peers) > 1:
            return
        await peer.say(OK)
        await peer.heard()
        await asyncio.sleep(0.1)

    async with both(play) as (server, asks):
        await ask(asks)
        for requests in (2, 3):
            with pytest.raises(Unreachable, match="closed the connection before it answered"):
                await ask(asks)
            assert server.requests == requests


@on_each_loop
async def test_who_speaks_before_it_was_asked_keeps_nobody_waiting() -> None:
    """What it says may be taken for the answer or not; but nothing waits for another one, or is sent twice."""

    async def play(peer: Peer) -> None:
        await peer.say(OK.replace(b"200 OK", b"503 Too Many"))

    async with both(play) as (server, asks):
        for _ in range(50):
            with suppress(Unreachable):
                assert await asyncio.wait_for(ask(asks), 1) == (503, b"ok")
        await until(lambda: not asks.busy)
        assert len(server.peers) == 50


@on_each_loop
async def test_who_closes_at_once_is_unreachable_at_once() -> None:
    async def play(peer: Peer) -> None:
        peer.end() if len(server.peers) % 2 else peer.reset()

    async with both(play) as (server, asks):
        began = time.monotonic()
        for _ in range(50):
            with pytest.raises(Unreachable):
                await ask(asks)
        assert time.monotonic() - began < 4
        assert len(server.peers) == 50
        assert not asks.busy
