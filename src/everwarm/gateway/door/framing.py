"""Whether a request's head leaves no doubt where the request ends and whom it is for, and is of a bounded size.

The parser has its own strictness (line ends, names, control characters, sizes of chunks); here stands what it lets
through and what two servers in a row could read in two ways. Pure. Names of headers are in lower case.
Source: RFC 9112, sections 3 (the request line), 3.2 (``Host``) and 6 (the length of a body).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from everwarm.errors import BadRequest, HeadTooLarge, UriTooLong

Headers = list[tuple[bytes, bytes]]

HEAD_BYTES: Final = 64 * 1024
"""Request line and headers, with their line ends."""
HEADERS: Final = 100
"""Header lines."""
URL_BYTES: Final = 8 * 1024
"""Path and query."""

WATCHED: Final = frozenset((b"host", b"content-length", b"transfer-encoding", b"expect"))
"""Headers that decide where a request ends, and whom it is for. Each may stand once."""

_HOST: Final = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9!$&'()*+,;=._~%-]+)(:[0-9]{0,5})?[ \t]*")
_PER_HEADER: Final = len(b": \r\n")
_PER_HEAD: Final = len(b"GET  HTTP/1.1\r\n\r\n")


def check_head(version: str, url: bytes, headers: Headers, once: dict[bytes, bytes]) -> None:
    """Raise ``BadRequest`` if this head can be read in two ways, and as ``check_number`` does.

    ``once`` are those of its headers that are ``WATCHED``.
    """
    if len(url) > URL_BYTES or len(headers) > HEADERS:
        check_number(url, headers)
    if version not in ("1.1", "1.0"):
        raise BadRequest("Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    host = once.get(b"host")
    if host is None:
        if version == "1.1":
            raise BadRequest("The header Host is missing; HTTP/1.1 wants one.")
    elif not _is_host(host):
        raise BadRequest("The header Host is not a name or an address, with or without a port.")
    if b"transfer-encoding" in once:
        _check_encoding(version, once)


@lru_cache(64)
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def _check_encoding(version: str, once: dict[bytes, bytes]) -> None:
    if b"content-length" in once:
        raise BadRequest("Content-Length and Transfer-Encoding were both sent. Send one of them.")
    if version == "1.0":
        raise BadRequest("Transfer-Encoding is not part of HTTP/1.0. Send Content-Length, or HTTP/1.1.")
    if once[b"transfer-encoding"].strip(b" \t").lower() != b"chunked":
        raise BadRequest("The only Transfer-Encoding understood here is chunked.")


def check_number(url: bytes, headers: Headers) -> None:
    """Raise ``UriTooLong`` or ``HeadTooLarge`` for a head that is over the limit in number, be it whole or not."""
    if len(url) > URL_BYTES:
        raise UriTooLong(f"Path and query may have {URL_BYTES // 1024} KiB together.")
    if len(headers) > HEADERS:
        raise head_too_large()


def check_size(url: bytes, headers: Headers) -> None:
    """Raise ``HeadTooLarge`` for a head that is over the limit in bytes."""
    if _PER_HEAD + len(url) + sum(_PER_HEADER + len(name) + len(value) for name, value in headers) > HEAD_BYTES:
        raise head_too_large()


def head_too_large() -> HeadTooLarge:
    """The error for a head that is over either limit."""
    return HeadTooLarge(f"The head of a request may have {HEADERS} headers and {HEAD_BYTES // 1024} KiB.")


def sent_twice(name: bytes) -> BadRequest:
    """The error for a header that stands twice and may not."""
    return BadRequest(f"The header {name.decode()} was sent twice. Send it once.", param=name.decode())


def too_much_frame() -> BadRequest:
    """The error for a body whose chunks are next to nothing beside what describes them."""
    return BadRequest("The extensions of the body's chunks, or its trailers, are larger than is allowed.")


def check_upgrade(method: bytes) -> None:
    """Raise ``BadRequest`` if what asks for an upgrade cannot be served without one."""
    if method == b"CONNECT":
        raise BadRequest("This is not a proxy: CONNECT is not offered here.")


def without_upgrade(method: bytes, url: bytes, version: str, headers: Headers) -> bytes:
    """The same head, written out again without the header ``Upgrade``."""
    lines = [b"%b %b HTTP/%b" % (method, url, version.encode())]
    lines += [b"%b: %b" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join([*lines, b"", b""])
