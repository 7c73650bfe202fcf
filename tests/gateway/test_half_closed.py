"""Who closes its sending side only gets its answer; who has gone costs nobody anything."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from everwarm.gateway.door import half_closed
from herd import held
from live import CHAT, Live, gateway
from raw import chunked, connected, post, wait_for

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"


def chat(text: str, **more: object) -> bytes:
    return json.dumps({"model": "default", "messages": [{"role": "user", "content": text}], **more}).encode()


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("at", [0, 2])
def test_the_answer_comes_whole(tmp_path: Path, version: str, stream: bool, at: int) -> None:
    with gateway(tmp_path, held(at=at)) as live, connected(live.url) as client:
        client.send(post(CHAT, chat("one", stream=stream), version=version))
        client.half_close()
        wait_for(live.upstream.holding.is_set)
        live.upstream.go.set()
        answer = client.answer()
        assert answer.status == 200
        assert b"one" in answer.body
        assert client.ended()


def test_an_answer_that_is_there_already_comes_too(live: Live) -> None:
    for ask in (post(CHAT, chat("one")), post(CHAT, chat("one")), chunked(CHAT, chat("one"))):
        with connected(live.url) as client:
            client.send(ask)
            client.half_close()
            assert b"one" in client.answer().body
            assert client.ended()
    assert len(live.upstream.asked) == 1


def test_all_that_was_asked_before_is_answered(tmp_path: Path) -> None:
    with gateway(tmp_path, held()) as live, connected(live.url) as client:
        client.send(post(CHAT, chat("one")) + HEALTH + post(CHAT, chat("two")) + post(CHAT, chat("three"))[:-1])
        client.half_close()
        wait_for(live.upstream.holding.is_set)
        live.upstream.go.set()
        assert b"one" in client.answer().body
        assert client.answer("GET").status == 200
        assert b"two" in client.answer().body
        assert client.ended()
        assert len(live.upstream.asked) == 2


def test_a_request_that_will_never_be_whole_is_not_answered(live: Live) -> None:
    for part in (HEALTH[:-1], post(CHAT, chat("one"))[:-1], chunked(CHAT, chat("one"))[:-1]):
        with connected(live.url) as client:
            client.send(part)
            client.half_close()
            assert client.ended()
    assert live.upstream.asked == []


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("stream", [False, True])
def test_who_goes_before_the_answer_ends_the_call(tmp_path: Path, version: str, stream: bool, reset: bool) -> None:
    with gateway(tmp_path, held(at=0)) as live:
        with connected(live.url) as client:
            client.send(post(CHAT, chat("one", stream=stream), version=version))
            wait_for(live.upstream.holding.is_set)
            if reset:
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wait_for(lambda: live.upstream.cancelled == 1)


def test_who_goes_in_the_middle_ends_the_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(half_closed, "SILENCE", 0.5)
    with gateway(tmp_path, held(at=2)) as live:
        with connected(live.url) as client:
            client.send(post(CHAT, chat("one", stream=True)))
            while b"answe" not in client.sock.recv(65536):
                pass
        wait_for(lambda: live.upstream.cancelled == 1)


def test_a_pause_after_the_begin_of_the_answer_is_borne(tmp_path: Path) -> None:
    with gateway(tmp_path, held(at=2)) as live, connected(live.url) as client:
        client.send(post(CHAT, chat("one", stream=True)))
        received = client.sock.recv(65536)
        client.half_close()
        live.upstream.go.set()
        received += b"".join(iter(lambda: client.sock.recv(65536), b""))
        assert received.startswith(b"HTTP/1.1 200 OK\r\n")
        assert received.count(b"HTTP/1.1") == 1
        assert received.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
