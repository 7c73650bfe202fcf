"""Faults in how the fake provider sends, byte by byte; and what it notices of its clients."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from providers import HEAD, Provider, faults, provider
from providers.bare import BODIES, CHAT, MESSAGES, chunks, dial, read_all, read_until, request
from providers.connection import BAD_REQUEST
from providers.request import CONTINUE

END = b"\r\n0\r\n\r\n"


def broken(fake: Provider, fault: faults.Fault, path: str = CHAT, *, stream: bool = True) -> tuple[bytes, str]:
    """One call on a connection of its own that does not outlive it; what came, and how it ended."""
    fake.plan = [fault]
    with dial(fake.url) as sock:
        sock.sendall(request(path, stream=stream))
        return read_all(sock)


@pytest.mark.parametrize("path", BODIES)
def test_the_connection_is_reset_at_any_event(fake: Provider, path: str) -> None:
    whole, _ = broken(fake, faults.close_after(), path)
    count = len(chunks(whole))
    for at in range(HEAD, count + 1):
        data, end = broken(fake, faults.reset(at), path)
        assert end == "reset"
        assert data.startswith(b"HTTP/1.1 200 OK\r\n") == (at > HEAD)
        assert len(chunks(data)) == max(0, at)
        assert not data.endswith(END)
    assert (fake.finished, fake.cancelled, count > 5) == (1, 0, True)


@pytest.mark.parametrize("stream", [False, True])
def test_the_connection_is_closed_in_the_middle_of_an_event(fake: Provider, stream: bool) -> None:
    whole, _ = broken(fake, faults.close_after(), stream=stream)
    for fault, how in ((faults.close(0, inside=True), "closed"), (faults.reset(0, inside=True), "reset")):
        data, end = broken(fake, fault, stream=stream)
        head, _, begun = data.partition(b"\r\n\r\n")
        assert end == how
        assert head.partition(b"Date")[0] == whole.partition(b"Date")[0]
        assert begun
        assert not chunks(data)
        assert len(data) < len(whole)


def test_a_stall_lasts_until_the_test_says_go(fake: Provider) -> None:
    fake.plan = [faults.stall(at=2)]
    with dial(fake.url) as sock:
        sock.sendall(request(stream=True))
        fake.until(lambda p: p.holding.is_set())
        begun = sock.recv(2**16)
        assert len(chunks(begun)) == 2
        fake.go.set()
        assert len(chunks(begun + read_until(sock, END))) > 5


@pytest.mark.parametrize(("place", "seen"), [(HEAD, 0), (0, 1), (3, 4)])
def test_answers_are_held_where_the_test_says(fake: Provider, place: int, seen: int) -> None:
    fake.hold_at = place
    with dial(fake.url) as sock:
        sock.sendall(request(stream=True))
        assert fake.holding.wait(20)
        if seen:
            data = b""
            while data.count(b"\r\n\r\n") < 1 or len(chunks(data)) < seen - 1:
                data += sock.recv(2**16)
        sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.settimeout(20)
        fake.go.set()
        read_until(sock, END)
    fake.until(lambda p: p.finished == 1)


def test_a_client_that_leaves_is_counted(fake: Provider) -> None:
    fake.hold_at = 2
    with dial(fake.url) as sock:
        sock.sendall(request(stream=True))
        assert fake.holding.wait(20)
        assert (fake.open, fake.cancelled) == (1, 0)
    fake.until(lambda p: p.cancelled == 1 and p.open == 0)
    assert fake.finished == 0


def test_a_client_that_leaves_after_the_answer_is_not(fake: Provider) -> None:
    for _ in range(20):
        with dial(fake.url) as sock:
            sock.sendall(request(stream=True))
            while b"[DONE]" not in sock.recv(2**16):
                pass
    fake.until(lambda p: p.finished == 20 and p.open == 0)
    assert fake.cancelled == 0


def test_a_reader_that_stops_holds_the_provider_back(fake: Provider) -> None:
    fake.plan = [faults.huge(100_000_000)]
    with dial(fake.url) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
        sock.sendall(request(stream=True))
        fake.until(lambda p: p.sent > 2**16)
        sock.recv(2**10)
    fake.until(lambda p: p.cancelled == 1)
    assert fake.sent < 50_000_000


def test_a_connection_is_kept_and_can_be_closed_behind_the_clients_back(fake: Provider) -> None:
    with dial(fake.url) as sock:
        sock.sendall(request(stream=True))
        read_until(sock, END)
        fake.plan = [faults.close_after()]
        sock.sendall(request(stream=True))
        data, end = read_all(sock)
    assert (data.endswith(END), end) == (True, "closed")
    assert b"connection: close" not in data.lower()
    assert [a.connection for a in fake.asked] == [1, 1]


def test_a_stale_connection_swallows_the_next_request(fake: Provider) -> None:
    fake.plan = [faults.stale()]
    with dial(fake.url) as sock:
        sock.sendall(request(stream=True))
        read_until(sock, END)
        assert fake.open == 1
        sock.sendall(request(stream=True))
        assert read_all(sock) == (b"", "reset")
    assert (fake.stale, len(fake.asked)) == (1, 1)


def test_idle_connections_can_be_dropped(fake: Provider) -> None:
    with dial(fake.url) as sock:
        sock.sendall(request(stream=True))
        read_until(sock, END)
        fake.drop_connections()
        assert read_all(sock)[0] == b""
    assert (fake.open, fake.cancelled) == (0, 0)


def test_junk_follows_the_answer(fake: Provider) -> None:
    data, _ = broken(fake, faults.junk_after_end() & faults.close_after())
    assert data.endswith(END + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")


def test_a_split_character_is_two_chunks(fake: Provider) -> None:
    data, _ = broken(fake, faults.split_characters() & faults.close_after())
    pieces = chunks(data)
    with pytest.raises(UnicodeDecodeError):
        [piece.decode() for piece in pieces]
    assert all(word in b"".join(pieces).decode() for word in MESSAGES[0]["content"].split())


def test_requests_are_recorded_as_they_came(fake: Provider) -> None:
    body = json.dumps(BODIES[CHAT]).encode()
    head = (
        b"POST /v1/chat/completions?a=%20 HTTP/1.1\r\nHoSt: x\r\nX-A: 1\r\nx-a:  2 \r\nTransfer-Encoding: chunked\r\n"
    )
    with dial(fake.url) as sock:
        sock.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert read_until(sock, b"\r\n\r\n") == CONTINUE
        sock.sendall(b"5;x=y\r\n%b\r\n%x\r\n%b\r\n0\r\nTrailer: t\r\n\r\n" % (body[:5], len(body) - 5, body[5:]))
        assert b"200 OK" in sock.recv(2**16)
    [asked] = fake.asked
    assert (asked.method, asked.target, asked.body) == ("POST", "/v1/chat/completions?a=%20", body)
    assert asked.headers[:3] == [(b"HoSt", b"x"), (b"X-A", b"1"), (b"x-a", b"2")]
    assert asked.all("x-a") == ["1", "2"]


@pytest.mark.parametrize(
    "bad",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\nX-A: 1\r\n\r\n",
    ],
)
def test_requests_that_can_be_read_in_two_ways_are_refused(fake: Provider, bad: bytes) -> None:
    with dial(fake.url) as sock:
        sock.sendall(bad)
        assert read_all(sock)[0] == BAD_REQUEST
    assert not fake.asked
    assert len(fake.problems) == 1
    fake.problems.clear()


def test_a_head_has_no_body(fake: Provider) -> None:
    with dial(fake.url) as sock:
        sock.sendall(b"HEAD /v1/files HTTP/1.0\r\n\r\n")
        data, _ = read_all(sock)
    assert data.endswith(b"\r\n\r\n")
    assert b"Content-Length: 15\r\n" in data


def test_many_streams_are_held_at_once_and_all_finish(fake: Provider) -> None:
    fake.hold_at = 1
    socks = [dial(fake.url) for _ in range(200)]
    for sock in socks:
        sock.sendall(request(stream=True))
    fake.until(lambda p: len(p.asked) == 200)
    assert fake.open == 200
    fake.go.set()
    assert all(read_until(sock, END) for sock in socks)
    for sock in socks:
        sock.close()
    fake.until(lambda p: p.open == 0)
    assert (fake.finished, fake.cancelled) == (200, 0)


def test_no_thread_outlives_its_provider() -> None:
    with provider() as fake, dial(fake.url) as sock:
        fake.plan = [faults.stall()]
        sock.sendall(request())
        assert fake.holding.wait(20)
    assert all(t.name != "provider" for t in threading.enumerate())
