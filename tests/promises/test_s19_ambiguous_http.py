"""s19: "Ambiguous HTTP is refused: CL+TE, two CLs, obs-fold, bare LF, bad chunk sizes."

What a server in front of this one could read in another way gets 400, and nothing after it is read as a request: each
case is followed by a request that would be answered, and the connection ends before.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from live import CHAT, Live, gateway
from raw import connected, post

POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
NEXT = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One gateway for all cases: none of them may leave it changed."""
    with gateway(tmp_path_factory.mktemp("s19")) as running:
        yield running


LENGTHS = {
    "length and encoding": POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "encoding and length": POST + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}x",
    "two equal lengths": POST + b"content-length: 2\r\ncontent-length: 2\r\n\r\n{}",
    "a list of lengths": POST + b"content-length: 2, 2\r\n\r\n{}",
    "a length with a sign": POST + b"content-length: +2\r\n\r\n{}",
    "a negative length": POST + b"content-length: -2\r\n\r\n{}",
    "a hexadecimal length": POST + b"content-length: 0x2\r\n\r\n{}",
    "an empty length": POST + b"content-length:\r\n\r\n",
    "a length beyond 64 bits": POST + b"content-length: 18446744073709551618\r\n\r\n{}",
}
ENCODINGS = {
    value: POST + b"transfer-encoding: " + value.encode() + b"\r\n\r\n0\r\n\r\n"
    for value in (
        "identity",
        "gzip, chunked",
        "chunked, chunked",
        "chunked, identity",
        ", chunked",
        "xchunked",
        "chunked;q=1",
        '"chunked"',
        "\x0bchunked",
        "",
    )
} | {
    "two encodings": POST + b"transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "twice chunked": POST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "encoding in 1.0": CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n",
}
LINES = {
    "obs-fold": POST + b"x: a\r\n b\r\n\r\n",
    "obs-fold with a tab": POST + b"x: a\r\n\tb\r\n\r\n",
    "obs-fold of the encoding": POST + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "only bare LF": b"GET /healthz HTTP/1.1\nhost: localhost\n\n",
    "bare LF after the request line": b"GET /healthz HTTP/1.1\nhost: localhost\r\n\r\n",
    "bare LF after a header": POST + b"x: a\ncontent-length: 0\r\n\r\n",
    "bare LF at the end": b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\n",
    "bare CR in a value": POST + b"x: a\ry: b\r\n\r\n",
    "CR CR LF": POST + b"x: a\r\r\n\r\n",
    "space before the colon": POST + b"content-length : 0\r\n\r\n",
    "tab before the colon": POST + b"content-length\t: 0\r\n\r\n",
    "space before the first header": b"GET /healthz HTTP/1.1\r\n host: localhost\r\n\r\n",
    "no colon": POST + b"x\r\n\r\n",
    "no name": POST + b": x\r\n\r\n",
    "NUL in a name": POST + b"x\0: a\r\n\r\n",
    "NUL in a value": POST + b"x: a\0b\r\n\r\n",
    "a control character in a value": POST + b"x: a\x01b\r\n\r\n",
    "DEL in a value": POST + b"x: a\x7fb\r\n\r\n",
}
CHUNKS = {
    body.decode("latin-1"): CHUNKED + body
    for body in (
        b"-2\r\n{}\r\n0\r\n\r\n",
        b"+2\r\n{}\r\n0\r\n\r\n",
        b"0x2\r\n{}\r\n0\r\n\r\n",
        b"0_2\r\n{}\r\n0\r\n\r\n",
        b" 2\r\n{}\r\n0\r\n\r\n",
        b"2 \r\n{}\r\n0\r\n\r\n",
        b"2\t\r\n{}\r\n0\r\n\r\n",
        b"\r\n{}\r\n0\r\n\r\n",
        b"g\r\n{}\r\n0\r\n\r\n",
        b"10000000000000002\r\n{}\r\n0\r\n\r\n",
        b"2\n{}\r\n0\r\n\r\n",
        b"2\r{}\r\n0\r\n\r\n",
        b"2\r\n{}\n0\r\n\r\n",
        b"2\r\n{}0\r\n\r\n",
        b"2\r\n{}x\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\n\n",
        b"2\r\n{}\r\n0\r\n\n",
        b"2;x\n\r\n{}\r\n0\r\n\r\n",
        b'2;x="\r\n"\r\n{}\r\n0\r\n\r\n',
        b"2;x\x01\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}\r\n0\r\ncontent-length: 5\r\n\r\n",
        b"2\r\n{}\r\n0\r\ntransfer-encoding: chunked\r\n\r\n",
        b"2\r\n{}\r\n0\r\nx: y\n\r\n",
        b"2\r\n{}\r\n0\r\nx: y\r\n z\r\n\r\n",
    )
}
TARGETS = {
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": POST + b"host: other\r\n\r\n",
    "the same host twice": POST + b"host: localhost\r\n\r\n",
    "an empty host": b"GET /healthz HTTP/1.1\r\nhost:\r\n\r\n",
    "a host with a space": b"GET /healthz HTTP/1.1\r\nhost: a b\r\n\r\n",
    "a host with a path": b"GET /healthz HTTP/1.1\r\nhost: a/b\r\n\r\n",
    "a host with a user": b"GET /healthz HTTP/1.1\r\nhost: a@b\r\n\r\n",
    "two hosts in one": b"GET /healthz HTTP/1.1\r\nhost: a, b c\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "HTTP/0.9": b"GET /healthz HTTP/0.9\r\nhost: x\r\n\r\n",
    "HTTP/1.2": b"GET /healthz HTTP/1.2\r\nhost: x\r\n\r\n",
    "HTTP/2.0": b"GET /healthz HTTP/2.0\r\nhost: x\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a space in the path": b"GET /health z HTTP/1.1\r\nhost: x\r\n\r\n",
    "a control character in the path": b"GET /healthz\x01 HTTP/1.1\r\nhost: x\r\n\r\n",
    "a tab in the request line": b"GET\t/healthz HTTP/1.1\r\nhost: x\r\n\r\n",
    "no leading slash": b"GET healthz HTTP/1.1\r\nhost: x\r\n\r\n",
    "a method in lower case": b"get /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
    "CONNECT": b"CONNECT localhost:80 HTTP/1.1\r\nhost: x\r\n\r\n",
    "the hello of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


def parameters(*tables: dict[str, bytes]) -> list[object]:
    return [pytest.param(data, id=repr(name)[1:-1]) for table in tables for name, data in table.items()]


@pytest.mark.parametrize("piece", [None, 1])
@pytest.mark.parametrize("data", parameters(LENGTHS, ENCODINGS, LINES, CHUNKS, TARGETS))
def test_it_is_refused_and_nothing_more_is_heard(live: Live, data: bytes, piece: int | None) -> None:
    asked = len(live.upstream.asked)
    with connected(live.url) as client:
        client.send(data + NEXT, piece=piece)
        answer = client.answer()
        assert answer.status == 400
        assert answer.headers["connection"] == "close"
        assert answer.error["message"]
        assert client.ended()
    assert len(live.upstream.asked) == asked


PLAIN = {
    "a length": POST + b"content-length: 2\r\n\r\n{}",
    "a length with spaces": POST + b"content-length:  2 \r\n\r\n{}",
    "chunks": CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    "Chunked": POST + b"Transfer-Encoding: Chunked\r\n\r\n02\r\n{}\r\n0\r\n\r\n",
    "an extension": CHUNKED + b'2;a=b;c="d"\r\n{}\r\n0\r\n\r\n',
    "a trailer": CHUNKED + b"2\r\n{}\r\n0\r\nx: y\r\n\r\n",
    "empty lines before": b"\r\n\r\n" + POST + b"content-length: 2\r\n\r\n{}",
    "another host in the target": POST.replace(b"/v1", b"http://other/v1") + b"content-length: 2\r\n\r\n{}",
    "an address": POST.replace(b"localhost", b"[::1]:8400") + b"content-length: 2\r\n\r\n{}",
    "a tab and letters beyond ASCII in a value": POST + b"x: a\t\xe4\r\ncontent-length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("piece", [None, 1])
@pytest.mark.parametrize("data", parameters(PLAIN))
def test_what_is_plain_is_read_and_so_is_what_follows(live: Live, data: bytes, piece: int | None) -> None:
    """The power check: the same way of asking, and the request after it is answered."""
    with connected(live.url) as client:
        client.send(data + NEXT, piece=piece)
        assert client.answer().error["code"] == "missing_required_parameter"
        assert client.answer("GET").body == b'{"status":"ok"}'


def test_a_trailer_does_not_pass_for_a_header(live: Live) -> None:
    body = b"transfer-encoding: chunked\r\n\r\n0\r\nauthorization: Bearer theirs\r\n\r\n"
    with connected(live.url) as client:
        client.send(b"GET /stats HTTP/1.1\r\nhost: localhost\r\n" + body)
        assert b'"public"' in client.answer("GET").body
        client.send(b"GET /stats HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer theirs\r\n" + body)
        assert b'"public"' not in client.answer("GET").body


def test_what_was_asked_before_is_answered_first(live: Live) -> None:
    question = b'{"model":"default","messages":[{"role":"user","content":"first"}]}'
    for bad in (LINES["obs-fold"], CHUNKED + b"-2\r\n"):
        with connected(live.url) as client:
            client.send(post(CHAT, question) + bad + NEXT)
            assert b"first" in client.answer().body
            assert client.answer().status == 400
            assert client.ended()
