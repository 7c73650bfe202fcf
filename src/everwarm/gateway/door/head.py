"""What the head of a request says, and what was made of that.

Who keeps a connection sends the same head again and again. One that came before in the same bytes need not be read
again: the request shares what was made of it then.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, TypeVar, cast
from urllib.parse import unquote

import httptools
from uvicorn._types import ASGIVersions, HTTPScope

from everwarm.gateway.door.framing import Headers

T = TypeVar("T")

REMEMBERED: Final = 1000
"""So many heads are kept."""
LARGEST: Final = 4096
"""Bytes of a head that is kept."""
MADE: Final = 16
"""Things that are made of one head, at most: a reload of the configuration asks for other ones."""

_END: Final = b"\r\n\r\n"
_ASGI: Final[ASGIVersions] = {"version": "3.0", "spec_version": "2.3"}


class Head:
    """Of one request, or of all that begin with the same bytes. Nothing changes what it says."""

    __slots__ = ("_made", "_scope", "headers", "length", "url", "waits")

    def __init__(self, method: bytes, url: bytes, version: str, headers: Headers, watched: dict[bytes, bytes]) -> None:
        """``watched`` are some of its headers (``framing.WATCHED``). Raises ``httptools.HttpParserInvalidURLError``."""
        self.headers = headers  # names in lower case
        self.url = url
        self.waits = watched.get(b"expect", b"").lower() == b"100-continue"  # for a word before it sends the body
        length = watched.get(b"content-length") if b"expect" not in watched else None
        self.length = int(length) if length is not None else None  # of a body that comes unasked and not in chunks
        self._made: dict[Callable[[Headers], Any], Any] = {}
        path, raw_path, query = _split(url)
        self._scope: dict[str, Any] = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "scheme": "http",
            "method": method.decode("ascii"),
            "root_path": "",
            "path": path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": headers,
        }

    def scope(self, server: tuple[str, int | None] | None, client: tuple[str, int] | None) -> HTTPScope:
        """As ASGI tells it to the application."""
        return cast(HTTPScope, {**self._scope, "server": server, "client": client, "state": {}})

    def made(self, work: Callable[[Headers], T]) -> T:
        """What ``work`` makes of the headers, and nothing else. It is asked once; what it raises is not kept."""
        made = self._made
        if work in made:
            return cast(T, made[work])
        if len(made) == MADE:
            made.clear()
        found = made[work] = work(self.headers)
        return found


class Heads:
    """Heads by their bytes. These are not kept, since credentials stand in them: a digest is (promise s15)."""

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}

    def of(self, data: bytes) -> tuple[Head, bytes] | None:
        """Head and body, if ``data`` is one whole request whose head is known."""
        end = _end(data)
        head = self._known.get(sha256(data[:end]).digest()) if end else None
        if head is None or head.length != len(data) - end:
            return None
        return head, data[end:]

    def learn(self, data: bytes, head: Head) -> None:
        """``head`` is what was read at the beginning of ``data``. It is kept if there is one whole request and no more.

        That no head ended before the first empty line is proved by its lines: there are as many as it has headers.
        """
        end = _end(data)
        if end and head.length == len(data) - end and data.count(b"\n", 0, end) == len(head.headers) + 2:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[sha256(data[:end]).digest()] = head


def _end(data: bytes) -> int:
    """Where the head ends; 0 if that cannot be seen, or is too far away."""
    at = data.find(_END, 0, LARGEST)
    return at + len(_END) if at >= 0 else 0


@lru_cache(maxsize=256)
def _split(url: bytes) -> tuple[str, bytes, bytes]:
    """Path, the same as it was written, and query."""
    parts = httptools.parse_url(url)
    path = parts.path.decode("ascii")
    return unquote(path) if "%" in path else path, parts.path, parts.query or b""
