"""Hits that are answered when the last byte of their request has come: on any connection, as any other answer is."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from everwarm.gateway import serve
from everwarm.gateway.door import connection
from live import CHAT, Live, gateway
from raw import Answer, Raw, chunked, connected, post, wait_for
from scripted import Scripted
from ways import Ways, chat, watched

HIT = chat("hit")
TEXT = "answer 1 to hit"


@pytest.fixture(scope="module")
def ways() -> Iterator[Ways]:
    with watched() as made:
        yield made


@pytest.fixture(scope="module")
def served(ways: Ways, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with gateway(tmp_path_factory.mktemp("gateway"), toml="[limits]\nbody_seconds = 1") as running:
        assert running.post(HIT).headers["x-everwarm-cache"] == "miss"
        yield running


@pytest.fixture
def live(ways: Ways, served: Live) -> Live:
    """A gateway that has an answer to ``HIT`` in memory."""
    ways.begin(served)
    return served


def text(answer: Answer) -> str:
    assert answer.status == 200
    return str(json.loads(answer.body)["choices"][0]["message"]["content"])


def is_hit(answer: Answer) -> bool:
    return text(answer) == TEXT and answer.headers["x-everwarm-cache"] == "hit"


# The body


@pytest.mark.parametrize("piece", [None, 1, 50])
def test_a_hit_needs_no_task_however_its_request_is_cut(live: Live, ways: Ways, piece: int | None) -> None:
    with connected(live.url) as client:
        for i in range(1, 4):
            client.send(post(CHAT, HIT), piece=piece)
            assert is_hit(client.answer())
            assert (ways.at_once, ways.tasks) == (i, 0)
    ways.wait_for_rows(live, ["hit"] * 3)


def test_a_body_that_is_slow_is_waited_for_in_a_task(live: Live, ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HELD", 0.1)
    with connected(live.url) as client:
        for i in range(1, 3):
            client.send(post(CHAT, HIT)[: -len(HIT)] + HIT[:10])
            wait_for(lambda: ways.tasks == i)  # noqa: B023
            client.send(HIT[10:])
            assert is_hit(client.answer())
        assert ways.at_once == 0
        client.send(post(CHAT, HIT))
        assert is_hit(client.answer())
        assert ways.at_once == 1


@pytest.mark.parametrize("drops", [False, True])
def test_a_body_that_does_not_come_is_given_up(live: Live, monkeypatch: pytest.MonkeyPatch, drops: bool) -> None:
    """Drops of it do not buy time."""
    monkeypatch.setattr(connection, "HELD", 0.2)
    body = chat("x" * 1000)
    with connected(live.url) as client:
        client.send(post(CHAT, body)[: -len(body)])
        client.sock.settimeout(0.05)
        began = time.monotonic()
        for byte in body:
            if drops:
                client.send(bytes([byte]))
            try:
                assert client.sock.recv(12) == b"HTTP/1.1 408"
                break
            except TimeoutError:
                pass
        assert 1 < time.monotonic() - began < 8


@pytest.mark.parametrize(
    "ask",
    [
        chunked(CHAT, HIT),
        post(CHAT, HIT, "expect: 100-continue"),
        post(CHAT, HIT + b" " * 2**16),
        post(CHAT, chat("another")),
    ],
    ids=["chunked", "expect", "large", "miss"],
)
def test_what_is_not_for_this_goes_the_other_way(live: Live, ways: Ways, ask: bytes) -> None:
    with connected(live.url) as client:
        client.send(ask)
        if b"expect" in ask:
            assert client.sock.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert text(client.answer()).endswith("to another" if b"another" in ask else "to hit")
        assert (ways.at_once, ways.tasks) == (0, 1)
        client.send(post(CHAT, HIT))
        assert is_hit(client.answer())
        assert (ways.at_once, ways.tasks) == (1, 1)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_other_methods_are_refused_as_ever(live: Live, ways: Ways, method: str) -> None:
    with connected(live.url) as client:
        client.send(post(CHAT, HIT).replace(b"POST", method.encode(), 1))
        answer = client.answer(method)
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        assert ways.at_once == 0
        client.send(post(CHAT, HIT))
        assert is_hit(client.answer())


# The connection


@pytest.mark.parametrize("piece", [None, 1, 100, 250])
def test_pipelined_requests_are_answered_in_order(live: Live, ways: Ways, piece: int | None) -> None:
    question = ways.question()
    miss, health = chat(question), b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
    asks = [post(CHAT, HIT), post(CHAT, miss), post(CHAT, HIT), health, chunked(CHAT, HIT), post(CHAT, HIT)]
    with connected(live.url) as client:
        client.send(b"".join(asks), piece=piece)
        assert is_hit(client.answer())
        assert text(client.answer()).endswith(f" to {question}")
        assert is_hit(client.answer())
        assert client.answer("GET").body == b'{"status":"ok"}'
        assert is_hit(client.answer())
        assert is_hit(client.answer())
    assert ways.at_once >= 1
    ways.wait_for_rows(live, ["hit", "miss", "hit", "hit", "hit"])


def test_hundreds_in_one_packet(live: Live, ways: Ways) -> None:
    with connected(live.url) as client:
        client.send(post(CHAT, HIT) * 300)
        assert all(is_hit(client.answer()) for _ in range(300))
        assert (ways.at_once, ways.tasks) == (300, 0)


@pytest.mark.parametrize(
    ("version", "headers"),
    [("1.1", ("connection: close",)), ("1.0", ()), ("1.0", ("connection: keep-alive",))],
)
@pytest.mark.parametrize("way", ["at once", "task"])
def test_the_last_answer_of_a_connection(
    live: Live, ways: Ways, version: str, headers: tuple[str, ...], way: str
) -> None:
    """What follows it is not asked of anybody, and is in no ledger."""
    before = len(live.upstream.asked)
    more = () if way == "at once" else ("expect: x",)
    with connected(live.url) as client:
        client.send(
            post(CHAT, HIT, *headers, *more, version=version) + post(CHAT, HIT) + post(CHAT, chat(ways.question()))
        )
        answer = client.answer()
        assert is_hit(answer)
        assert answer.headers["connection"] == "close"
        assert client.ended()
    assert live.ask(ways.question()).status_code == 200
    ways.wait_for_rows(live, ["hit", "miss"])
    assert len(live.upstream.asked) == before + 1


def test_who_closes_its_sending_side_gets_all_its_answers(live: Live, ways: Ways) -> None:
    with connected(live.url) as client:
        client.send(post(CHAT, HIT) * 3 + post(CHAT, HIT)[:-1])
        client.half_close()
        assert [is_hit(client.answer()) for _ in range(3)] == [True] * 3
        assert client.ended()
    assert ways.at_once == 3


@pytest.mark.parametrize("sent", [post(CHAT, HIT), post(CHAT, HIT)[:-1], post(CHAT, HIT) * 50])
@pytest.mark.parametrize("reset", [False, True])
def test_who_goes_costs_nobody_anything(
    live: Live, ways: Ways, caplog: pytest.LogCaptureFixture, sent: bytes, reset: bool
) -> None:
    before = len(live.upstream.asked)
    for _ in range(5):
        with connected(live.url) as client:
            client.send(sent)
            if reset:
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_for(lambda: all(made.transport.is_closing() for made in ways.connections[-5:]))
    assert live.ask(ways.question()).status_code == 200
    assert len(live.upstream.asked) == before + 1
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_an_idle_connection_is_closed_in_its_time(ways: Ways, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "KEEP_ALIVE", 0.3)
    ways.at_once = 0
    with gateway(tmp_path) as live, connected(live.url) as client:
        for _ in range(3):
            client.send(post(CHAT, HIT))
            assert "answer 1" in text(client.answer())
        assert ways.at_once == 2
        assert client.ended()


# Clients that do not read


SIZE = 300_000


def test_who_does_not_read_fills_no_memory_and_gets_all_answers(ways: Ways, tmp_path: Path) -> None:
    upstream = Scripted()
    upstream.text = lambda n, request: "x" * SIZE
    with gateway(tmp_path, upstream) as live, connected(live.url, receive=4096) as client:
        client.send(post(CHAT, HIT))
        assert len(text(client.answer())) == SIZE
        ways.begin(live)
        client.send(post(CHAT, HIT) * 90)
        before = -1
        while before != ways.at_once + ways.tasks:
            before = ways.at_once + ways.tasks
            time.sleep(0.1)
        assert ways.connections[-1].transport.get_write_buffer_size() < 3 * SIZE
        assert 0 < ways.at_once < 60
        assert [_length(client) for _ in range(90)] == [SIZE] * 90
        client.send(post(CHAT, HIT))
        assert _length(client) == SIZE
        ways.wait_for_rows(live, ["hit"] * 91)


def _length(client: Raw) -> int:
    return len(text(client.answer()))
