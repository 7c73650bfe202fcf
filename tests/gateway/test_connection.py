"""What happens on one connection: order, bounds, upgrades, early answers. What is ambiguous: promise s19."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from select import select

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everwarm.gateway import serve
from everwarm.gateway.door import connection, farewell, framing
from herd import held
from live import CHAT, Live, gateway
from raw import Raw, chunked, connected, post, wait_for
from scripted import Scripted

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
HEALTHY = b'{"status":"ok"}'
STILL = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: "


def chat(text: str, **more: object) -> bytes:
    return json.dumps({"model": "default", "messages": [{"role": "user", "content": text}], **more}).encode()


def head(*, url: int = 8, headers: int = 1, size: int = 0) -> bytes:
    """A head with a URL of so many bytes, so many headers, and of so many bytes in all."""
    path = b"/healthz".ljust(url, b"?")
    lines = [b"GET " + path + b" HTTP/1.1", b"host: localhost", *(b"x-%d: y" % i for i in range(headers - 1))]
    whole = b"\r\n".join([*lines, b"", b""])
    return whole.replace(b"y", b"y".ljust(1 + size - len(whole), b"y"), 1) if size else whole


# Order


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 400), st.booleans())
def test_pipelined_requests_are_answered_in_order(live: Live, piece: int, streams: bool) -> None:
    asks = [post(CHAT, chat("one", stream=streams)), HEALTH, chunked(CHAT, chat("two")), post(CHAT, chat("three"))]
    with connected(live.url) as client:
        client.send(b"".join(asks), piece=piece)
        assert b"one" in client.answer().body
        assert client.answer("GET").body == HEALTHY
        assert b"two" in client.answer().body
        assert b"three" in client.answer().body


def test_who_goes_takes_what_waits_along(tmp_path: Path) -> None:
    with gateway(tmp_path, held()) as live:
        with connected(live.url) as client:
            client.send(post(CHAT, chat("one")) + post(CHAT, chat("two")))
            wait_for(live.upstream.holding.is_set)
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wait_for(lambda: live.upstream.cancelled == 1)
        assert len(live.upstream.asked) == 1


def test_only_so_many_may_wait_for_their_turn(tmp_path: Path) -> None:
    with gateway(tmp_path, held()) as live, connected(live.url) as client:
        client.send(post(CHAT, chat("one")) + HEALTH * (connection.QUEUE + 1))
        wait_for(live.upstream.holding.is_set)
        live.upstream.go.set()
        assert b"one" in client.answer().body
        assert {client.answer("GET").body for _ in range(connection.QUEUE)} == {HEALTHY}
        assert "wait" in client.answer("GET").error["message"]
        assert client.ended()


# Bounds


@pytest.mark.parametrize("piece", [None, 1000])
@pytest.mark.parametrize(
    ("fits", "does_not", "status", "code"),
    [
        (head(url=framing.URL_BYTES), head(url=framing.URL_BYTES + 1), 414, "uri_too_long"),
        (head(headers=framing.HEADERS), head(headers=framing.HEADERS + 1), 431, "head_too_large"),
        (
            head(headers=9, size=framing.HEAD_BYTES),
            head(headers=9, size=framing.HEAD_BYTES + 1),
            431,
            "head_too_large",
        ),
        (HEALTH, head(headers=9, size=100_000), 431, "head_too_large"),
        (HEALTH, head(headers=60_000), 431, "head_too_large"),
        (HEALTH, head(url=1_000_000), 414, "uri_too_long"),
    ],
)
def test_a_head_is_bounded(live: Live, fits: bytes, does_not: bytes, status: int, code: str, piece: int | None) -> None:
    with connected(live.url) as client:
        client.send(fits + HEALTH + does_not + HEALTH, piece=piece)
        assert client.answer("GET").body == HEALTHY
        assert client.answer("GET").body == HEALTHY
        answer = client.answer("GET")
        assert (answer.status, answer.error["code"]) == (status, code)
        assert client.ended()


ENDLESS = {
    "a header": (STILL, b"y" * 65536, 431),
    "headers": (STILL + b"\r\n", b"y:\r\n" * 16384, 431),
    "a path": (b"GET /", b"y" * 65536, 414),
    "a chunk's extension": (chunked(CHAT, b"{")[:-5] + b"1;", b"y" * 65536, 400),
    "zeros before a chunk's size": (chunked(CHAT, b"{")[:-5], b"0" * 65536, 400),
    "a trailer": (chunked(CHAT, b"{" * 50_000)[:-2] + b"x: ", b"y" * 65536, 400),
    "trailers": (chunked(CHAT, b"{" * 50_000)[:-2], b"y:\r\n" * 16384, 400),
}


@pytest.mark.parametrize(("start", "more", "status"), ENDLESS.values(), ids=ENDLESS.keys())
def test_what_does_not_end_is_refused(live: Live, start: bytes, more: bytes, status: int) -> None:
    with connected(live.url) as client:
        client.send(start + more * 16)
        assert client.answer().status == status
        assert client.ended()


def test_chunks_may_be_small_and_have_extensions(live: Live) -> None:
    body = chat("x" * 40_000)
    chunks = b"".join(b"1;a=b\r\n%c\r\n" % c for c in body)
    with connected(live.url) as client:
        client.send(chunked(CHAT)[:-5] + chunks + b"0\r\n\r\n")
        assert client.answer().status == 200


def test_a_head_that_does_not_come_is_given_up(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.5)
    with connected(live.url) as client, connected(live.url) as silent:
        client.send(HEALTH + HEALTH[:-2])
        assert client.answer("GET").body == HEALTHY
        answer = client.answer("GET")
        assert (answer.status, answer.error["code"]) == (408, "request_timeout")
        assert client.ended()
        assert silent.ended()


@pytest.mark.parametrize("drops", [b"\r\n", STILL])
def test_drops_of_a_head_do_not_buy_time(live: Live, monkeypatch: pytest.MonkeyPatch, drops: bytes) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.5)
    with connected(live.url) as client:
        client.send(drops)
        client.sock.setblocking(False)

        def put_out() -> bool:
            client.send(drops[-1:] if drops is STILL else drops)
            return bool(select([client.sock], [], [], 0.01)[0])

        wait_for(put_out)


def test_a_head_may_wait_while_an_answer_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.1)
    with gateway(tmp_path, held()) as live, connected(live.url) as client, connected(live.url) as clock:
        client.send(post(CHAT, chat("one")) + HEALTH[:-2])
        wait_for(live.upstream.holding.is_set)
        assert clock.ended()
        live.upstream.go.set()
        assert b"one" in client.answer().body
        client.send(b"\r\n")
        assert client.answer("GET").body == HEALTHY


def test_an_idle_connection_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "KEEP_ALIVE", 0.1)
    with gateway(tmp_path) as live, connected(live.url) as client:
        client.send(HEALTH)
        assert client.answer("GET").body == HEALTHY
        assert client.ended()


# Answers before the request has come whole


@pytest.mark.parametrize("length", [b"content-length: 3000000\r\n", b"transfer-encoding: chunked\r\n"])
def test_who_sends_all_before_reading_sees_the_early_answer(live: Live, length: bytes) -> None:
    body = b"2dc6c0\r\n" * (b"chunked" in length) + b"x" * 3_000_000
    with connected(live.url) as client:
        client.send(b"POST /nothing HTTP/1.1\r\nhost: localhost\r\n" + length + b"\r\n" + body)
        answer = client.answer()
        assert answer.error["code"] == "not_found"
        assert answer.headers["connection"] == "close"
        assert client.ended()


def test_what_follows_an_early_answer_is_not_read(live: Live) -> None:
    with connected(live.url) as client:
        client.send(post("/nothing", b"x" * 100)[:-50])
        assert client.answer().status == 404
        client.send(b"x" * 50 + post(CHAT, chat("one")))
        assert client.ended()
    assert live.ask("two").status_code == 200
    assert [request.messages[-1].text for request, _ in live.upstream.asked] == ["two"]


def test_what_is_thrown_away_is_bounded(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farewell, "LINGER_BYTES", 1_000_000)
    with connected(live.url) as client:
        client.send(b"POST /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 999999999\r\n\r\n")
        assert client.answer().status == 404
        wait_for(lambda: _closed(client, b"x" * 100_000))


def test_who_stays_after_the_last_answer_is_put_out(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farewell, "LINGER_SECONDS", 0.1)
    with connected(live.url) as client:
        client.send(b"no HTTP\r\n\r\n")
        assert client.answer().status == 400
        assert client.ended()
        wait_for(lambda: _closed(client, b"x"))


def _closed(client: Raw, data: bytes) -> bool:
    try:
        client.sock.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return True
    return False


def test_a_bad_chunk_after_the_answer_began_ends_it(tmp_path: Path) -> None:
    with gateway(tmp_path) as live, connected(live.url) as client:
        client.send(chunked("/nothing", b"{}")[:-5])
        assert client.answer().status == 404
        client.send(b"-2\r\n" + HEALTH)
        assert client.ended()


# Protocols and versions


@pytest.mark.parametrize("piece", [None, 1])
@pytest.mark.parametrize("upgrade", ["h2c", "websocket", "TLS/1.0", "x"])
def test_an_upgrade_is_ignored(live: Live, upgrade: str, piece: int | None) -> None:
    headers = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {upgrade}", "HTTP2-Settings: AAEAAEAA")
    with connected(live.url) as client:
        client.send(post(CHAT, chat("one"), *headers) + chunked(CHAT, chat("two"), headers=headers), piece=piece)
        assert b"one" in client.answer().body
        assert b"two" in client.answer().body
        client.send(HEALTH)
        assert client.answer("GET").body == HEALTHY


def test_an_upgrade_hides_nothing(live: Live) -> None:
    headers = ("Connection: Upgrade", "Upgrade: h2c", "Content-Length: 5")
    with connected(live.url) as client:
        client.send(post(CHAT, chat("one"), *headers) + HEALTH)
        assert client.answer().status == 400
        assert client.ended()


def test_who_waits_to_be_told_to_go_on_is_told(live: Live) -> None:
    ask = post(CHAT, chat("one"), "Expect: 100-continue")
    begin, end = ask.split(b"\r\n\r\n")
    with connected(live.url) as client:
        client.send(begin + b"\r\n\r\n")
        assert client.sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(end)
        assert b"one" in client.answer().body


def test_who_is_refused_is_not_told_to_go_on(live: Live) -> None:
    with connected(live.url) as client:
        client.send(post("/nothing", b"{}", "Expect: 100-continue")[:-2])
        assert client.sock.recv(12) == b"HTTP/1.1 404"


@pytest.mark.parametrize("extra", [(), ("Connection: keep-alive",)])
def test_http_1_0_ends_with_its_answer(live: Live, extra: tuple[str, ...]) -> None:
    with connected(live.url) as client:
        client.send(post(CHAT, chat("one"), *extra, version="1.0"))
        assert b"one" in client.answer().body
        assert client.ended()


def test_errors_are_told_in_the_dialect_of_the_path(live: Live) -> None:
    def told(path: str) -> object:
        with connected(live.url) as client:
            client.send(post(path, b"{}", "Host: localhost"))
            return json.loads(client.answer().body)

    message = "The header host was sent twice. Send it once."
    assert told(CHAT) == {
        "error": {
            "message": message,
            "type": "invalid_request_error",
            "param": "host",
            "code": "invalid_value",
        }
    }
    assert told("/v1/messages") == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": message},
    }


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200), st.sampled_from([b"", HEALTH, HEALTH[:-4], chunked(CHAT)[:-5], chunked(CHAT, b"{}")[:-2]])
)
def test_whatever_is_sent_is_answered_in_http_or_not_at_all(live: Live, junk: bytes, start: bytes) -> None:
    with connected(live.url) as client:
        client.send(start + junk)
        client.half_close()
        statuses = list(_statuses(client))
        assert all(status in (b"200", b"400", b"404", b"405") for status in statuses)
    with connected(live.url) as client:
        client.send(HEALTH)
        assert client.answer("GET").body == HEALTHY


def _statuses(client: Raw) -> list[bytes]:
    received = b"".join(iter(lambda: client.sock.recv(65536), b""))
    return [line[9:12] for line in received.splitlines() if line.startswith(b"HTTP/")]


# Clients that do not read


LARGE = 6_000_000


def test_who_does_not_take_the_last_answer_is_put_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(farewell, "TAKE_SECONDS", 0.5)
    upstream = Scripted()
    upstream.text = lambda n, request: "x" * LARGE
    with gateway(tmp_path, upstream) as live, connected(live.url, receive=4096) as client:
        client.send(post(CHAT, chat("one"), "Connection: close"))
        wait_for(lambda: upstream.finished == 1)
        time.sleep(3)
        assert len(b"".join(iter(lambda: client.sock.recv(65536), b""))) < LARGE
