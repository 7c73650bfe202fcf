"""What is warm in the model inside: listing, warming ahead, unpinning. A caller sees and changes only its own."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final, TypeVar

import orjson

from everwarm.core.body import read
from everwarm.core.dialects import anthropic, openai_chat, openai_completions, openai_responses
from everwarm.core.dialects.check import flag, whole
from everwarm.core.dialects.dialect import Dialect
from everwarm.core.upstream import Prefix, Upstream
from everwarm.core.wire import Json, Request
from everwarm.errors import BadRequest, NotFound
from everwarm.gateway.ask import aside, target_of, wishes
from everwarm.gateway.auth import Caller
from everwarm.gateway.converse import MIB, require_json
from everwarm.gateway.door.exchange import JSON, Disconnected, Exchange
from everwarm.gateway.house import House
from everwarm.gateway.upstreams.passthrough import vendor_of

T = TypeVar("T")

PATH: Final = "/v1/cache/prefixes"
WARM: Final = PATH + "/warm"

LISTED: Final = 20
MOST_LISTED: Final = 100

_NEXT: Final = {"role": "user", "content": "."}
"""A turn that is added before a body is parsed, for a request must have one, and taken away again."""


async def listed(house: House, x: Exchange) -> None:
    """``POST /v1/cache/prefixes``, with no body or ``{"limit": 50}``: the most useful prefixes that are warm."""
    caller = house.auth.caller(x)
    value = await _object(house, x)
    limit = whole(value.get("limit", LISTED), "limit", 1, MOST_LISTED)
    rows: list[dict[str, Json]] = []
    for upstream in _inside(house, caller):
        rows += [_row(upstream, prefix) for prefix in await upstream.prefixes(caller.space, limit + 1)]
    rows.sort(key=lambda row: (row["pinned"], row["hits"] * row["tokens"]), reverse=True)
    await _reply(x, {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit})


async def warm(house: House, x: Exchange) -> None:
    """``POST /v1/cache/prefixes/warm``: what requests will begin with, as they will be sent; and whether to pin it."""
    caller = house.auth.caller(x)
    value = await _object(house, x)
    dialect = x.dialect = _dialect(x, value)
    pin = flag(value.pop("pin", None), "pin")
    target = target_of(house, dialect, caller, dialect.envelope(value).model)
    house.auth.require_model(caller, target.model)
    if target.inside is None:
        raise BadRequest(
            f"The model {target.model[:80]!r} is an upstream's; only a model inside can be warmed here.", param="model"
        )
    control, _ = x.made(wishes)
    request = replace(_request(dialect, value), rests=control.rest)
    made = await _while_there(x, target.inside.warm(request, caller.space, pin=pin))
    await _reply(x, {"object": "cache.warmed", "model": target.model, **made._asdict()})


async def unpin(house: House, x: Exchange) -> None:
    """``DELETE /v1/cache/prefixes/ID``: what is pinned under this id may be let go of again."""
    caller = house.auth.caller(x)
    name = x.scope["path"].removeprefix(PATH + "/")
    for upstream in _inside(house, caller):
        if await upstream.unpin(caller.space, name):
            await _reply(x, {"object": "cache.unpinned", "id": name})
            return
    raise NotFound(f"You have pinned nothing with the id {name[:80]!r}. POST {PATH} lists what you have.")


def _inside(house: House, caller: Caller) -> list[Upstream]:
    """The models inside that this caller may use. Raises ``NotFound`` if there is none, or none for it."""
    found = [u for u in house.directory.upstreams if any(caller.may_use(card.id) for card in u.models())]
    if not found:
        raise NotFound("No model is inside that you may use, so no prefixes are kept here.")
    return found


async def _object(house: House, x: Exchange) -> dict[str, Json]:
    """The body; nothing counts as an empty object."""
    require_json(x)
    data = await x.body(house.config.limits.body_mb * MIB, house.patience)
    return (await aside(house, data, read, data)).value if data else {}


def _dialect(x: Exchange, value: dict[str, Json]) -> Dialect:
    """In which protocol a body is written: each has a member of its own for the prompt."""
    if "input" in value or "instructions" in value:
        return openai_responses.DIALECT
    if "prompt" in value:
        return openai_completions.DIALECT
    if "system" in value or vendor_of(x) == "anthropic":
        return anthropic.DIALECT
    return openai_chat.DIALECT


def _request(dialect: Dialect, value: dict[str, Json]) -> Request:
    """What requests will begin with: raises ``BadRequest`` if that is nothing."""
    if dialect is openai_completions.DIALECT:
        return dialect.parse(value)
    place = "input" if dialect is openai_responses.DIALECT else "messages"
    turns = value.get(place) or []
    if type(turns) is str and place == "input":
        turns = [{"role": "user", "content": turns}]
    going_on = {**value, place: [*turns, _NEXT] if type(turns) is list else turns}
    request = anthropic.parse_count(going_on) if dialect is anthropic.DIALECT else dialect.parse(going_on)
    request = replace(request, messages=request.messages[:-1])
    if not request.messages and not request.tools:
        raise BadRequest("There is nothing to warm: send a system prompt, messages or tools.", param=place)
    return request


async def _while_there(x: Exchange, work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` gives, unless the client leaves first: then it is cancelled, and ``Disconnected`` raised."""
    task = asyncio.ensure_future(work)

    def stop() -> None:
        task.cancel()

    x.turn.when_gone(stop)
    try:
        return await task
    except asyncio.CancelledError:
        if x.turn.disconnected and task.cancelled():
            raise Disconnected from None
        raise
    finally:
        x.turn.when_gone(None)


def _row(upstream: Upstream, prefix: Prefix) -> dict[str, Json]:
    age = None if prefix.age is None else round(prefix.age, 1)
    return {"object": "cache.prefix", "model": upstream.models()[0].id, **prefix._asdict(), "age": age}


async def _reply(x: Exchange, value: object) -> None:
    await x.reply(200, [JSON], orjson.dumps(value))
