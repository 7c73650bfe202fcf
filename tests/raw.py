"""A client that writes its bytes by hand, and reads one answer after the other."""

from __future__ import annotations

import io
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The error of the OpenAI dialect, whose shape is checked."""
        assert self.headers["content-type"] == "application/json"
        told: dict[str, Any] = json.loads(self.body)["error"]
        assert set(told) == {"message", "type", "param", "code"}
        return told


class Raw:
    """One connection. Waits ten seconds for whatever it waits for."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._incoming = _Incoming(socket.SocketIO(sock, "r"))

    def send(self, data: bytes, *, piece: int | None = None) -> None:
        """All at once, or in packets of so many bytes. A server that has closed already is not an error."""
        try:
            step = piece or max(1, len(data))
            for i in range(0, len(data), step):
                self.sock.sendall(data[i : i + step])
        except (BrokenPipeError, ConnectionResetError):
            pass

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def answer(self, method: str = "POST") -> Answer:
        """The next one."""
        response = HTTPResponse(self, method=method)  # type: ignore[arg-type]
        response.begin()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def ended(self) -> bool:
        """Whether the server says nothing more. Waits for it."""
        return self._incoming.read(1) == b""

    def makefile(self, mode: str) -> io.BufferedReader:
        """For ``HTTPResponse``, which closes its file after each answer."""
        return self._incoming


class _Incoming(io.BufferedReader):
    def close(self) -> None:
        pass


@contextmanager
def connected(url: str, *, receive: int | None = None) -> Iterator[Raw]:
    """A connection to the server there. ``receive``: how many bytes its system may hold that were not read."""
    at = urlsplit(url)
    with socket.socket() as sock:
        sock.settimeout(10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        sock.connect((at.hostname, at.port))
        yield Raw(sock)


def post(path: str, body: bytes, *headers: str, version: str = "1.1") -> bytes:
    """A request with a body of known length."""
    lines = [f"POST {path} HTTP/{version}", "host: localhost", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def chunked(path: str, *chunks: bytes, headers: tuple[str, ...] = (), trailers: tuple[str, ...] = ()) -> bytes:
    """A request whose body comes in chunks."""
    lines = [f"POST {path} HTTP/1.1", "host: localhost", "transfer-encoding: chunked", *headers, "", ""]
    last = "\r\n".join(["0", *trailers, "", ""])
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return "\r\n".join(lines).encode() + body + last.encode()


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it is true; ten seconds at most."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")
