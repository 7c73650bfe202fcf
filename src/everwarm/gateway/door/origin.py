"""Whether a request may come from a web page, and if so from which one.

A gateway on a loopback address needs no credential, because only programs of this machine reach it. So does every web
page in this machine's browsers: with plain requests to ``http://localhost``, or under its own name once that is made
to lead here (DNS rebinding). A browser tells on both: in ``Origin`` it names the page, in ``Host`` the name that was
used. Programs that are no browsers send no ``Origin``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from everwarm.gateway.door.framing import Headers

_PORTS: Final = {"http": 80, "https": 443}


class _Place(NamedTuple):
    host: str  # in lower case; an IPv6 address without its brackets
    port: int | None


class Origins:
    """Which pages may send requests to a server that listens on ``host``. ``trusted`` as in ``allowed``."""

    def __init__(self, host: str, trusted: Sequence[str]) -> None:
        self._host = host
        self._trusted = trusted

    def objection(self, headers: Headers) -> str | None:
        """Why a request with these headers is to be refused, in words; None if it may pass."""
        said = {name: value.decode("latin-1") for name, value in headers if name in (b"host", b"origin")}
        return allowed(said.get(b"host") or None, said.get(b"origin") or None, self._host, self._trusted)


def allowed(
    host_header: str | None, origin_header: str | None, listening_host: str, trusted: Sequence[str]
) -> str | None:
    """Why this request is to be refused, in words; None if it may pass.

    ``trusted`` are hosts ("box.lan", "box.lan:8400"; without a port: any) and origins ("https://chat.example",
    "vscode-webview://...", "null"). An origin is trusted if it is listed, or if its host is.
    """
    return _judge(host_header, origin_header, listening_host, tuple(trusted))


@lru_cache(256)
def _judge(host: str | None, origin: str | None, listening: str, trusted: tuple[str, ...]) -> str | None:
    at = _place(host) if host is not None else None
    if host is not None and is_loopback(listening) and not (at and (is_loopback(at.host) or _listed(at, trusted))):
        return (
            f"This server listens on {listening} only, and the header Host is {host[:100]!r}. Use http://localhost, or "
            "list the name among the trusted ones."
        )
    if origin is None or origin in trusted or _is_same(origin, at):
        return None
    page = _page(origin)
    if page is not None and _listed(page, trusted):
        return None
    return (
        f"The page {origin[:100]!r} is not of this server. List it among the trusted ones if it may send requests here."
    )


def is_loopback(host: str) -> bool:
    """Whether a name or an address always means this machine itself."""
    host = host.lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _listed(place: _Place, trusted: tuple[str, ...]) -> bool:
    places = (_place(t) for t in trusted if "://" not in t and t != "null")
    return any(p is not None and p.host == place.host and p.port in (None, place.port) for p in places)


def _is_same(origin: str, at: _Place | None) -> bool:
    """Whether the page is one that came from where the request goes to."""
    page = _page(origin)
    if page is None or at is None:
        return False
    usual = _PORTS[origin.partition(":")[0].lower()]
    return page.host == at.host and (page.port or usual) == (at.port or usual)


def _page(origin: str) -> _Place | None:
    scheme, _, rest = origin.partition("://")
    return _place(rest) if scheme.lower() in _PORTS else None


def _place(text: str) -> _Place | None:
    """``host[:port]``; None if it is not."""
    try:
        parts = urlsplit("//" + text)
        if parts.hostname is None or parts.netloc != text or parts.username is not None:
            return None
        return _Place(parts.hostname.rstrip("."), parts.port)
    except ValueError:
        return None
