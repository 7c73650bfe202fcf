"""A client of bare bytes, for tests that must see exactly what is on the wire."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

MESSAGES: Any = [{"role": "user", "content": "hé 世界 🎉"}]
CHAT = "/v1/chat/completions"

BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "gpt", "messages": MESSAGES},
    "/v1/completions": {"model": "gpt", "prompt": "hé 世界 🎉"},
    "/v1/responses": {"model": "gpt", "input": "hé 世界 🎉"},
    "/v1/messages": {"model": "claude", "max_tokens": 50, "messages": MESSAGES},
}
"""Path -> a request that it answers with text, as JSON or as a stream."""


def request(path: str = CHAT, *, method: str = "POST", **change: Any) -> bytes:
    """The bytes of one of these requests; ``change`` is merged into its body."""
    body = json.dumps({**BODIES[path], **change}).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nanthropic-version: 2023-06-01\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


def dial(url: str) -> socket.socket:
    """A connection to the server of that URL."""
    host, _, port = url.removeprefix("http://").partition("/")[0].partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def read_all(sock: socket.socket) -> tuple[bytes, str]:
    """All that comes, and how the connection ends: "closed" or "reset"."""
    data = bytearray()
    try:
        while piece := sock.recv(2**16):
            data += piece
    except ConnectionResetError:
        return bytes(data), "reset"
    return bytes(data), "closed"


def read_until(sock: socket.socket, end: bytes) -> bytes:
    """What comes up to these bytes; nothing after them may have come."""
    data = b""
    while not data.endswith(end):
        piece = sock.recv(2**16)
        assert piece, f"the connection ended before {end!r}"
        data += piece
    return data


def chunks(data: bytes) -> list[bytes]:
    """The chunks of an answer, without the one that ends it; what is unfinished is left out."""
    _, _, rest = data.partition(b"\r\n\r\n")
    found = []
    while match := re.match(rb"([0-9a-f]+)\r\n", rest):
        size = int(match[1], 16)
        piece = rest[match.end() : match.end() + size]
        if not size or len(piece) < size:
            break
        found.append(piece)
        rest = rest[match.end() + size + 2 :]
    return found
