"""The dashboard's three files, by a fixed table: no request chooses a path on disk (promise s16)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

from everwarm.gateway.door.exchange import Exchange
from everwarm.gateway.house import House

FILES: Final = {
    "/": ("index.html", b"text/html; charset=utf-8"),
    "/app.js": ("app.js", b"text/javascript; charset=utf-8"),
    "/style.css": ("style.css", b"text/css; charset=utf-8"),
}

_SAFE: Final = [
    (b"content-security-policy", b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]


async def page(house: House, x: Exchange) -> None:
    """``GET /`` and what it needs."""
    name, kind = FILES[x.scope["path"]]
    await x.reply(200, [(b"content-type", kind), *_SAFE], _read(name))


async def no_icon(house: House, x: Exchange) -> None:
    """``GET /favicon.ico``: browsers ask by themselves, and there is none."""
    await x.reply(204, [], b"")


@cache
def _read(name: str) -> bytes:
    return files("everwarm.dashboard").joinpath(name).read_bytes()
