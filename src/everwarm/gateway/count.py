"""``POST /v1/messages/count_tokens``: how long a prompt is. Never stored: it costs nothing."""

from __future__ import annotations

from typing import Final

from everwarm.core.body import read
from everwarm.core.dialects import anthropic
from everwarm.core.dialects.anthropic_answer import write_count
from everwarm.gateway.ask import target_of
from everwarm.gateway.converse import MIB, require_json
from everwarm.gateway.door.exchange import JSON, Exchange
from everwarm.gateway.house import House
from everwarm.gateway.upstreams import passthrough

PATH: Final = "/v1/messages/count_tokens"


async def tokens(house: House, x: Exchange) -> None:
    """Counted by the model inside, if it is asked for that; else passed on."""
    x.dialect = anthropic.DIALECT
    caller = house.auth.caller(x)
    require_json(x)
    data = await x.body(house.config.limits.body_mb * MIB, house.patience)
    body = read(data)
    model = anthropic.DIALECT.envelope(body.value).model
    target = target_of(house, anthropic.DIALECT, caller, model)
    house.auth.require_model(caller, target.model)
    if target.inside is None:
        await passthrough.relay(house, x, data)
        return
    await x.reply(200, [JSON], write_count(await target.inside.count(anthropic.parse_count(body.value))))
