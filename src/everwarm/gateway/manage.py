"""Health, sums, and dropping what is stored. A caller sees only its own."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qs

import orjson

from everwarm.core.key import DIGEST_BYTES, Namespace
from everwarm.errors import BadRequest, NotFound
from everwarm.gateway import forgetting
from everwarm.gateway.door.exchange import JSON, Exchange
from everwarm.gateway.house import House
from everwarm.ledger.prices import Prices
from everwarm.ledger.report import stats as sum_up


async def health(house: House, x: Exchange) -> None:
    """``GET /healthz``: the process answers."""
    await _json(x, {"status": "ok"})


async def stats(house: House, x: Exchange) -> None:
    """``GET /stats``: sums over the caller's own requests."""
    if house.ledger is None:
        raise NotFound("Nothing is counted here: the server runs with ledger.enabled = false.")
    namespace = house.auth.caller(x).namespace
    loop = asyncio.get_running_loop()
    await _json(x, await loop.run_in_executor(house.disk_threads, _sums, house, namespace))


def _sums(house: House, namespace: Namespace) -> dict[str, Any]:
    assert house.ledger is not None
    store = house.store
    return sum_up(
        house.ledger.sums(namespace.id),
        Prices(house.config.stats.prices_of),
        store.held(namespace) if store is not None else None,
        None,
    )


async def drop(house: House, x: Exchange) -> None:
    """``DELETE /v1/cache?tag=T`` or ``?key=HEX``: forget the caller's own entries."""
    query = parse_qs(x.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    if set(query) - {"tag", "key"} or len(query) != 1 or any(len(v) != 1 for v in query.values()):
        raise BadRequest(
            "Name one of tag= and key=: DELETE /v1/cache?tag=faq, or ?key= with the value of x-everwarm-key."
        )
    digest = _digest(query["key"][0]) if "key" in query else None
    tag = query["tag"][0] if "tag" in query else None
    dropped = 0
    if house.store is not None:
        namespace = house.auth.caller(x).space
        now = house.drops[namespace.id] = house.clock()  # what is being made now is not stored when it is done
        work = lambda: house.store.drop(namespace, digest=digest, tag=tag, now=now)  # noqa: E731
        dropped = await asyncio.get_running_loop().run_in_executor(house.disk_threads, work)
    await _json(x, {"object": "cache.dropped", "dropped": dropped})


async def forget(house: House, x: Exchange) -> None:
    """``DELETE /v1/cache/layout``: forget what was learned from the caller's own prompts."""
    space = house.auth.caller(x).space
    await asyncio.get_running_loop().run_in_executor(house.disk_threads, forgetting.forget, house, space.id)
    await _json(x, {"object": "layout.forgotten"})


def _digest(text: str) -> bytes:
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_BYTES:
        raise BadRequest(f"key= takes the {2 * DIGEST_BYTES} hexadecimal digits of x-everwarm-key.", param="key")
    return digest


async def _json(x: Exchange, value: object) -> None:
    await x.reply(200, [JSON], orjson.dumps(value))
