"""Everything under a provider's paths that is not ours to answer: passed on untouched, both ways, never stored."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import unquote

from everwarm.core.dialects import openai_chat
from everwarm.core.dialects.dialect import Vendor
from everwarm.core.dialects.registry import telling
from everwarm.errors import BadRequest, Forbidden, NotFound
from everwarm.gateway.auth import Caller
from everwarm.gateway.door.exchange import Exchange
from everwarm.gateway.house import House
from everwarm.gateway.upstreams.client import Body, Upload
from everwarm.gateway.upstreams.headers import back
from everwarm.gateway.upstreams.provider import Provider

BODYLESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


async def relay(house: House, x: Exchange, data: bytes | None = None) -> None:
    """Method, path, query, headers and body to the first upstream of the vendor; its response to the client.

    ``data``: the body, where it was read already.
    """
    x.dialect = telling(x.scope["path"])
    caller = house.auth.caller(x)
    _check(x)
    if data is None and x.scope["method"] not in BODYLESS:
        _require_all_models(x, caller)
    provider = _provider(house, x)
    read = asyncio.Event()
    if data is not None or not _has_body(x):
        if data is None:
            await x.discard()
        read.set()
    body: Body = data or b"" if read.is_set() else Upload(_pieces(x, read), x.header(b"content-length"))
    work = asyncio.create_task(_pass(x, provider, body))
    watch = asyncio.create_task(_gone(x, read))
    try:
        await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        for task in (work, watch):
            task.cancel()
        await asyncio.gather(work, watch, return_exceptions=True)


def _check(x: Exchange) -> None:
    """Raises ``BadRequest`` for a path that a server may take for one outside of ``/v1/``: dots lead there, also if
    they are encoded, even twice, or followed by parameters."""
    raw: bytes = x.scope["raw_path"]
    if not raw.startswith(b"/v1/") or {".", ".."} & set(re.split(r"[/\\;]", unquote(x.scope["path"]))):
        raise BadRequest("The path leads out of /v1/. Send it without segments of dots, and its beginning as it is.")


def _require_all_models(x: Exchange, caller: Caller) -> None:
    """Raises ``Forbidden`` for a tenant that may use some models only: what is passed on unread may name any."""
    if caller.tenant is not None and caller.tenant.models:
        raise Forbidden(
            f"{x.scope['path'][:200]!r} is passed on unread, and the tenant {caller.tenant.name} may use some models "
            f"only: {', '.join(caller.tenant.models)}."
        )


def _provider(house: House, x: Exchange) -> Provider:
    """Raises ``NotFound`` where there is none, ``Forbidden`` where tenants would see what is another's over there."""
    vendor = vendor_of(x)
    providers = house.directory.serving("", vendor) or house.directory.of_vendor(vendor)
    if not providers:
        raise NotFound(
            f"There is nothing at {x.scope['path'][:200]!r}, and no upstream that speaks {vendor}'s protocols to pass "
            f"it to. Chat is at {openai_chat.DIALECT.path}, models are at /v1/models."
        )
    if providers[0].credential is not None and house.config.tenants_only:
        raise Forbidden(
            f"{x.scope['path'][:200]!r} is not passed on: the tenants of this gateway share one credential of the "
            f"upstream {providers[0].settings.name}, and would see each other's files and batches there."
        )
    return providers[0]


def _has_body(x: Exchange) -> bool:
    """Whether a body is announced and means something."""
    if x.scope["method"] in BODYLESS:
        return False
    return x.header(b"content-length") not in (b"", b"0") or any(n == b"transfer-encoding" for n, _ in x.headers)


async def _pieces(x: Exchange, read: asyncio.Event) -> AsyncIterator[bytes]:
    async for piece in x.pieces():
        yield piece
    read.set()


async def _gone(x: Exchange, read: asyncio.Event) -> None:
    """When the client has left, after it sent its body."""
    await read.wait()
    await x.gone()


def vendor_of(x: Exchange) -> Vendor:
    """Whose protocol a request speaks: Anthropic's clients always say their version."""
    if any(n == b"anthropic-version" for n, _ in x.headers):
        return "anthropic"
    return telling(x.scope["path"]).vendor


async def _pass(x: Exchange, provider: Provider, body: Body) -> None:
    path, query = x.scope["raw_path"].decode("ascii"), x.scope["query_string"]
    reply = await provider.send(x.scope["method"], path, query, x.headers, body)
    try:
        answer = back(reply.headers)
        if x.scope["method"] == "HEAD":
            answer += ((n, v) for n, v in reply.headers if n == b"content-length")
        await x.start(reply.status, answer)
        while piece := await reply.read():
            await x.write(piece)
        await x.write(b"", more=False)
    finally:
        reply.close()
