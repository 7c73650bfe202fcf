"""Heads that leave doubt. On the wire: promise s19."""

from __future__ import annotations

from contextlib import nullcontext

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.errors import BadRequest, HeadTooLarge, UriTooLong
from everwarm.gateway.door import framing

HOST = {b"host": b"localhost"}
names = st.from_regex(r"\A[a-z][a-z0-9-]{0,20}\Z").map(str.encode)
values = st.from_regex(r"\A[!-~]([ -~]{0,20}[!-~])?\Z").map(str.encode)


def check(version: str, once: dict[bytes, bytes]) -> None:
    framing.check_head(version, b"/", list(once.items()), once)


@pytest.mark.parametrize(
    "host", [b"a", b"a.b:1", b"A_b-c.", b"127.0.0.1:65535", b"[::1]", b"[::1]:80", b"a: \t", b"%61"]
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_hosts(host: bytes, version: str) -> None:
    check(version, {b"host": host})


@pytest.mark.parametrize(
    "host",
    [b"", b":80", b"a b", b"a/b", b"a@b", b"a:b", b"a:123456", b"::1", b"[::1", b"a?b", b"a#b", b"a\\b", b"\xe4"],
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_what_is_not_a_host(host: bytes, version: str) -> None:
    with pytest.raises(BadRequest, match="Host"):
        check(version, {b"host": host})


def test_only_http_1_0_may_go_without_a_host() -> None:
    check("1.0", {})
    with pytest.raises(BadRequest, match="Host"):
        check("1.1", {})


@given(st.binary(max_size=30))
def test_one_transfer_encoding_is_understood(value: bytes) -> None:
    try:
        check("1.1", {**HOST, b"transfer-encoding": value})
    except BadRequest:
        assert value.strip(b" \t").lower() != b"chunked"
    else:
        assert value.strip(b" \t").lower() == b"chunked"


def test_length_and_encoding_exclude_each_other() -> None:
    both = {b"content-length": b"2", b"transfer-encoding": b"chunked"}
    with pytest.raises(BadRequest, match="both"):
        check("1.1", {**HOST, **both})


@given(st.lists(st.tuples(names, values), max_size=20))
def test_a_head_is_as_large_as_it_is_on_the_wire(headers: list[tuple[bytes, bytes]]) -> None:
    lines = [b"GET / HTTP/1.1", *(b"%b: %b" % header for header in headers), b"", b""]
    rest = framing.HEAD_BYTES - len(b"\r\n".join(lines)) - len(b"x: \r\n")
    framing.check_size(b"/", [*headers, (b"x", b"y" * rest)])
    with pytest.raises(HeadTooLarge):
        framing.check_size(b"/", [*headers, (b"x", b"y" * (rest + 1))])


class Heard:
    """What a parser says of a head."""

    def __init__(self, data: bytes) -> None:
        self.url = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.parser = httptools.HttpRequestParser(self)
        try:
            self.parser.feed_data(data)
            self.upgrades = False
        except httptools.HttpParserUpgrade:
            self.upgrades = True

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))


@given(st.lists(st.tuples(names, values).filter(lambda h: h[0] not in (b"upgrade", b"content-length")), max_size=20))
def test_a_head_without_its_upgrade_is_otherwise_the_same(headers: list[tuple[bytes, bytes]]) -> None:
    headers = [h for h in headers if h[0] not in (b"transfer-encoding", b"connection")]
    upgrade = [(b"connection", b"upgrade"), (b"upgrade", b"h2c")]
    lines = [b"POST /x?y HTTP/1.1", *(b"%b: %b" % header for header in headers + upgrade), b"", b""]
    first = Heard(b"\r\n".join(lines))
    assert first.upgrades
    again = Heard(framing.without_upgrade(first.parser.get_method(), first.url, "1.1", first.headers))
    assert not again.upgrades
    assert (again.parser.get_method(), again.url) == (b"POST", b"/x?y")
    assert again.headers == [h for h in first.headers if h[0] != b"upgrade"] == [*headers, upgrade[0]]


@pytest.mark.parametrize(
    ("url", "number", "error"),
    [
        (framing.URL_BYTES, framing.HEADERS, None),
        (framing.URL_BYTES + 1, 1, UriTooLong),
        (1, framing.HEADERS + 1, HeadTooLarge),
    ],
)
def test_a_head_is_bounded_in_number(url: int, number: int, error: type[Exception] | None) -> None:
    headers = [(b"host", b"localhost")] + [(b"x", b"y")] * (number - 1)
    with pytest.raises(error) if error else nullcontext():
        framing.check_head("1.1", b"/" * url, headers, HOST)
