"""What is warm in the model inside: listing, unpinning. A caller sees and changes only its own."""

from __future__ import annotations

from typing import Final

import orjson

from everwarm.core.body import Body, read
from everwarm.core.dialects.check import whole
from everwarm.core.upstream import Prefix, Upstream
from everwarm.core.wire import Json
from everwarm.errors import NotFound
from everwarm.gateway.ask import aside
from everwarm.gateway.auth import Caller
from everwarm.gateway.converse import MIB, require_json
from everwarm.gateway.door.exchange import JSON, Exchange
from everwarm.gateway.house import House

PATH: Final = "/v1/cache/prefixes"

LISTED: Final = 20
MOST_LISTED: Final = 100


async def listed(house: House, x: Exchange) -> None:
    """``POST /v1/cache/prefixes``, with no body or ``{"limit": 50}``: the most useful prefixes that are warm."""
    caller = house.auth.caller(x)
    value = (await body_of(house, x)).value
    limit = whole(value.get("limit", LISTED), "limit", 1, MOST_LISTED)
    rows: list[dict[str, Json]] = []
    for upstream in _inside(house, caller):
        rows += [_row(upstream, prefix) for prefix in await upstream.prefixes(caller.space, limit + 1)]
    rows.sort(key=lambda row: (row["pinned"], row["hits"] * row["tokens"]), reverse=True)
    await reply(x, {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit})


async def unpin(house: House, x: Exchange) -> None:
    """``DELETE /v1/cache/prefixes/ID``: what is pinned under this id may be let go of again."""
    caller = house.auth.caller(x)
    name = x.scope["path"].removeprefix(PATH + "/")
    for upstream in _inside(house, caller):
        if await upstream.unpin(caller.space, name):
            await reply(x, {"object": "cache.unpinned", "id": name})
            return
    raise NotFound(f"You have pinned nothing with the id {name[:80]!r}. POST {PATH} lists what you have.")


def _inside(house: House, caller: Caller) -> list[Upstream]:
    """The models inside that this caller may use. Raises ``NotFound`` if there is none, or none for it."""
    found = [u for u in house.directory.upstreams if any(caller.may_use(card.id) for card in u.models())]
    if not found:
        raise NotFound("No model is inside that you may use, so no prefixes are kept here.")
    return found


async def body_of(house: House, x: Exchange) -> Body:
    """The body; nothing counts as an empty object."""
    require_json(x)
    data = await x.body(house.config.limits.body_mb * MIB, house.patience)
    return await aside(house, data, read, data) if data else Body(data, {})


def _row(upstream: Upstream, prefix: Prefix) -> dict[str, Json]:
    age = None if prefix.age is None else round(prefix.age, 1)
    return {"object": "cache.prefix", "model": upstream.models()[0].id, **prefix._asdict(), "age": age}


async def reply(x: Exchange, value: object) -> None:
    """In JSON."""
    await x.reply(200, [JSON], orjson.dumps(value))
