"""``GET /v1/models``: the model inside, and what the upstreams of the client's protocol have."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from everwarm.core.dialects.dialect import Vendor
from everwarm.core.upstream import ModelCard
from everwarm.errors import EverwarmError
from everwarm.gateway.door.exchange import JSON, Exchange
from everwarm.gateway.house import House
from everwarm.gateway.upstreams import passthrough
from everwarm.gateway.upstreams.provider import Provider
from everwarm.gateway.upstreams.reply import whole

PATH: Final = "/v1/models"
SECONDS: Final = 5.0
"""How long an upstream may take to list its models, where others can be listed without it."""


async def models(house: House, x: Exchange) -> None:
    """All models. With one upstream and no model inside, that upstream's own list, untouched."""
    vendor = passthrough.vendor_of(x)
    providers = house.directory.of_vendor(vendor)
    cards = house.directory.cards
    if len(providers) == 1 and not cards:
        await passthrough.relay(house, x)
        return
    caller = house.auth.caller(x)
    lists = await asyncio.gather(*(_listed(p, x) for p in providers))
    known: dict[str, Any] = {c.id: SHAPES[vendor](c) for c in cards if caller.may_use(c.id)}
    for found in lists:
        for row in found or ():
            if caller.may_use(row["id"]):
                known.setdefault(row["id"], row)
    silent = [p.settings.name for p, found in zip(providers, lists, strict=True) if found is None]
    headers = [JSON]
    if silent:
        headers.append((b"x-everwarm-why", f"not listed: {', '.join(silent)}, which could not be asked".encode()))
    await x.reply(200, headers, orjson.dumps(_whole(vendor, list(known.values()))))


async def model(house: House, x: Exchange) -> None:
    """``GET /v1/models/NAME``, by id or alias; of a model that is not inside, the upstream's answer."""
    card = house.directory.card(x.scope["path"].removeprefix(PATH + "/"))
    if card is None:
        await passthrough.relay(house, x)
        return
    house.auth.require_model(house.auth.caller(x), card.id)
    await x.reply(200, [JSON], orjson.dumps(SHAPES[passthrough.vendor_of(x)](card)))


async def _listed(provider: Provider, x: Exchange) -> list[dict[str, Any]] | None:
    """The models of one upstream; None if it does not say."""
    try:
        async with asyncio.timeout(SECONDS):
            reply = await provider.send("GET", PATH, x.scope["query_string"], x.headers)
            data = await whole(reply)
            body = orjson.loads(data) if reply.status == 200 else {}
    except (EverwarmError, TimeoutError, orjson.JSONDecodeError, OSError):
        return None
    rows = body.get("data") if type(body) is dict else None
    return [r for r in rows if type(r) is dict and type(r.get("id")) is str] if type(rows) is list else None


def _openai(card: ModelCard) -> dict[str, Any]:
    return {
        "id": card.id,
        "object": "model",
        "created": card.created,
        "owned_by": card.owned_by,
        "context_window": card.context,
        "aliases": list(card.aliases),
    }


def _anthropic(card: ModelCard) -> dict[str, Any]:
    made = datetime.fromtimestamp(card.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"type": "model", "id": card.id, "display_name": card.id, "created_at": made}


SHAPES: Final = {"openai": _openai, "anthropic": _anthropic}
"""How each vendor's protocol lists one model."""


def _whole(vendor: Vendor, rows: list[dict[str, Any]]) -> dict[str, Any]:
    if vendor == "openai":
        return {"object": "list", "data": rows}
    ends = {"first_id": rows[0]["id"], "last_id": rows[-1]["id"]} if rows else {"first_id": None, "last_id": None}
    return {"data": rows, "has_more": False, **ends}
