"""HTTP/1.1 requests read by hand, as strictly as the edges of real providers read them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable

from providers.asked import Asked

LINE = re.compile(rb"([A-Z]+) (\S+) HTTP/(1\.[01])")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", re.DOTALL)
CHUNK = re.compile(rb"([0-9a-fA-F]+)(;[^\r\n]*)?\r\n")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LARGEST_HEAD = 2**17


class Malformed(Exception):
    """These bytes are not a request, or one that could be read in two ways."""


async def read(reader: asyncio.StreamReader, connection: int, write: Callable[[bytes], None]) -> Asked | None:
    """The next request, or None where the connection has ended between two. ``write`` says 100 Continue."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, target, version, headers = parse_head(head)
    named = _framing(headers, version)
    if named.get(b"expect", b"").lower() == b"100-continue":
        write(CONTINUE)
    try:
        body = await _body(reader, named)
    except asyncio.IncompleteReadError:
        return None
    return Asked(method, target, headers, body, time.monotonic(), connection, version)


def parse_head(head: bytes) -> tuple[str, str, str, list[tuple[bytes, bytes]]]:
    """Method, target, version, headers of a head with its empty line."""
    first, *lines = head[:-4].split(b"\r\n")
    match = LINE.fullmatch(first)
    if not match:
        raise Malformed("no request line")
    headers = []
    for line in lines:
        field = FIELD.fullmatch(line)
        if not field or re.search(rb"[\r\n\0]", line):
            raise Malformed("a line that is no header")
        headers.append((field[1], field[2]))
    return match[1].decode(), match[2].decode("latin-1"), match[3].decode(), headers


def _framing(headers: list[tuple[bytes, bytes]], version: str) -> dict[bytes, bytes]:
    """The headers by name; no two may disagree on where the body ends."""
    named: dict[bytes, bytes] = {}
    for name, value in headers:
        if name.lower() in named and name.lower() in (b"content-length", b"transfer-encoding", b"host"):
            raise Malformed(f"{name.decode()} twice")
        named[name.lower()] = value
    if b"content-length" in named and b"transfer-encoding" in named:
        raise Malformed("a length and chunks")
    if version == "1.1" and b"host" not in named:
        raise Malformed("no host")
    return named


async def _body(reader: asyncio.StreamReader, named: dict[bytes, bytes]) -> bytes:
    length = named.get(b"content-length", b"0")
    if not length.isdigit():
        raise Malformed("a length that is no number")
    if b"transfer-encoding" not in named:
        return await reader.readexactly(int(length))
    if named[b"transfer-encoding"].lower() != b"chunked":
        raise Malformed("an unknown transfer encoding")
    return await _chunks(reader)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := _size(await reader.readuntil(b"\r\n")):
        body += await reader.readexactly(size)
        if await reader.readexactly(2) != b"\r\n":
            raise Malformed("a chunk that is longer than it says")
    while await reader.readuntil(b"\r\n") != b"\r\n":  # trailers
        pass
    return bytes(body)


def _size(line: bytes) -> int:
    match = CHUNK.fullmatch(line)
    if not match:
        raise Malformed("a chunk size that is no number")
    return int(match[1], 16)
