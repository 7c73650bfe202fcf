"""How an upstream is reached: addresses, names, TLS; and what is told where it is not. Never its address."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from aiohappyeyeballs import start_connection

from everwarm.errors import TimedOut, Unreachable, UpstreamError
from everwarm.gateway.upstreams import client
from wire import OK, Peer, answering, ask, asking, on_each_loop, send, until, upstream


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


async def fails(url: str, **more: float) -> UpstreamError:
    """What is told of an upstream that cannot be reached. No socket and no task of it stays behind."""
    async with asking(url, **more) as asks:
        with pytest.raises(UpstreamError) as told:
            await ask(asks)
        assert not asks.busy
    for part in (url, "127.0.0.1", "::1", str(port_of(url))):
        assert part not in told.value.message
    return told.value


# Without TLS


def no_port(family: socket.AddressFamily, host: str) -> int:
    """A port at which nobody listens."""
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])


@on_each_loop
async def test_nobody_is_there() -> None:
    port = no_port(socket.AF_INET, "127.0.0.1")
    for host in ("127.0.0.1", "localhost"):
        told = await fails(f"http://{host}:{port}/v1")
        assert type(told) is Unreachable
        assert told.message == "The upstream u0 cannot be reached: Connection refused."


@on_each_loop
async def test_a_name_that_is_none() -> None:
    for host in ("nowhere.invalid", "a" * 64 + ".invalid", "a..b"):
        told = await fails(f"http://{host}:1234/v1")
        assert type(told) is Unreachable
        assert told.message.startswith("The upstream u0 cannot be reached: ")
        assert host not in told.message


@contextmanager
def nobody_accepts() -> Iterator[int]:
    """A port at which connections are never made: the line of those that wait is full."""
    with ExitStack() as stack, socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(0)
        for _ in range(4):
            other = stack.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(sock.getsockname())
        yield int(sock.getsockname()[1])


@on_each_loop
async def test_no_connection_in_time() -> None:
    with nobody_accepts() as port:
        told = await fails(f"http://127.0.0.1:{port}/v1", connect=0.1)
    assert type(told) is TimedOut
    assert told.message == "The upstream u0 gave no connection within 0.1 s."


@on_each_loop
async def test_the_other_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first one refuses, and where it says nothing."""
    async with upstream(answering) as server:
        ports = [no_port(socket.AF_INET, "127.0.0.1"), port_of(server.url)]

        def two(found: object, **named: Any) -> Any:
            addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
            return start_connection(addresses, **named)

        monkeypatch.setattr(client, "start_connection", two)
        async with asking("http://localhost:1/v1") as asks:
            assert await ask(asks, b"x") == (200, b"x")
        with nobody_accepts() as ports[0]:
            async with asking("http://localhost:1/v1") as asks:
                assert await ask(asks, b"x") == (200, b"x")


@on_each_loop
async def test_an_ipv6_address() -> None:
    try:
        no_port(socket.AF_INET6, "::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with upstream(answering, host="::1") as server, asking(server.url) as asks:
        assert await ask(asks, b"x") == (200, b"x")
        head, _ = server.peers[0].requests[0]
        assert b"\r\nHost: [::1]:%d\r\n" % port_of(server.url) in head


# With TLS


class Identity(NamedTuple):
    """A server that its certificate calls ``localhost``, and the file with that certificate."""

    server: ssl.SSLContext
    file: Path


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    x509 = pytest.importorskip("cryptography.x509", reason="certificates are made with the package cryptography")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    named = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(named, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    at = tmp_path_factory.mktemp("tls")
    pem = serialization.Encoding.PEM
    (at / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (at / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(at / "certificate.pem", at / "key.pem")
    return Identity(server, at / "certificate.pem")


@pytest.fixture
def trusted(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Of a server that is trusted in the way that an operator says it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(identity.file))
    return identity.server


@on_each_loop
async def test_who_is_trusted_is_spoken_to(trusted: ssl.SSLContext) -> None:
    async with upstream(answering, secure=trusted) as server:
        for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
            async with asking(url) as asks:
                for body in (b"a", b"b" * 1_000_000, b"c"):
                    assert await ask(asks, body) == (200, body)
                    await asyncio.sleep(0.01)
        assert [len(peer.requests) for peer in server.peers] == [3, 3]


@on_each_loop
async def test_who_is_not_trusted_is_not(identity: Identity) -> None:
    async with upstream(answering, secure=identity.server) as server:
        told = await fails(server.url)
        assert type(told) is Unreachable
        assert "certificate verify failed" in told.message
        assert server.requests == 0


@on_each_loop
async def test_nor_is_who_has_another_name(trusted: ssl.SSLContext) -> None:
    async with upstream(answering, secure=trusted, host="127.0.0.2") as server:
        told = await fails(server.url)
        assert type(told) is Unreachable
        assert "certificate" in told.message
        assert server.requests == 0


@on_each_loop
@pytest.mark.parametrize("how", ["end", "reset", "speak", "wait"])
async def test_a_server_that_does_not_shake_hands(trusted: ssl.SSLContext, how: str) -> None:
    async def play(peer: Peer) -> None:
        if how == "speak":
            await peer.say(b"HTTP/1.1 400 Bad Request\r\n\r\nThis is a port for TLS.")
        elif how == "wait":
            await peer.reader.read(-1)
        elif how == "reset":
            peer.reset()

    async with upstream(play) as server:
        told = await fails(server.url.replace("http:", "https:"), connect=0.3)
    assert type(told) is (TimedOut if how == "wait" else Unreachable)


@on_each_loop
@pytest.mark.parametrize("reset", [False, True])
async def test_a_secure_connection_that_died_is_replaced(trusted: ssl.SSLContext, reset: bool) -> None:
    async def play(peer: Peer) -> None:
        await peer.heard()
        await peer.say(OK)
        if reset:
            peer.reset()

    async with upstream(play, secure=trusted) as server, asking(server.url) as asks:
        for _ in range(3):
            assert await ask(asks) == (200, b"ok")
        assert server.requests == 3


@on_each_loop
async def test_who_leaves_a_secure_connection_closes_it(trusted: ssl.SSLContext) -> None:
    async def play(peer: Peer) -> None:
        await peer.heard()
        await peer.say(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        try:
            while True:
                await peer.say(b"x" * 100_000)
        finally:
            gone.set()

    async with upstream(play, secure=trusted) as server, asking(server.url) as asks:
        gone = asyncio.Event()
        reply = await send(asks)
        await asyncio.sleep(0.3)
        assert reply.waiting_bytes < 1_000_000
        assert await reply.read()
        reply.close()
        await gone.wait()
        await until(lambda: not asks.busy)
