"""Warming: what requests will begin with is computed before anybody asks, in the form in which they will be sent."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

import orjson

from everwarm.core.body import read
from everwarm.core.dialects import anthropic, openai_chat, openai_completions, openai_responses
from everwarm.core.dialects.check import flag
from everwarm.core.dialects.dialect import Dialect
from everwarm.core.layout.finding import Wishes
from everwarm.core.wire import Json, Request
from everwarm.errors import BadRequest
from everwarm.gateway.arrange import Work
from everwarm.gateway.ask import target_of, wishes
from everwarm.gateway.auth import Caller
from everwarm.gateway.door.exchange import Disconnected, Exchange
from everwarm.gateway.house import House
from everwarm.gateway.prefixes import PATH, body_of, reply
from everwarm.gateway.upstreams.directory import Target
from everwarm.gateway.upstreams.passthrough import vendor_of

T = TypeVar("T")

WARM: Final = PATH + "/warm"

_NEXT: Final = {"role": "user", "content": "."}
"""A turn that is added before a body is arranged and parsed, for a request must have one, and taken away again. What
changes from request to request is told at its end, and goes with it."""


class _Wanted(NamedTuple):
    """What is to be warmed, and for whom."""

    caller: Caller
    dialect: Dialect
    target: Target
    value: dict[str, Json]  # a body that goes on from it
    wishes: Wishes  # what may be done to requests like it
    rest: bool  # whether anything of it may rest on disk


async def warm(house: House, x: Exchange) -> None:
    """``POST /v1/cache/prefixes/warm``: what requests will begin with; and whether to pin it."""
    caller = house.auth.caller(x)
    body = await body_of(house, x)
    dialect = x.dialect = _dialect(x, body.value)
    pin = flag(body.value.pop("pin", None), "pin")
    asked = dialect.envelope(body.value).model
    target = target_of(house, dialect, caller, asked)
    house.auth.require_model(caller, target.model)
    if target.inside is None:
        raise BadRequest(
            f"The model {target.model[:80]!r} is an upstream's; only a model inside can be warmed here.", param="model"
        )
    control, _ = x.made(wishes)
    allowed = Wishes("off") if body.unkeyable is not None else house.allowed.of(dialect, asked, target)
    wanted = _Wanted(caller, dialect, target, _going_on(dialect, body.value), allowed, control.rest)
    request, rewritten = await _as_sent(house, wanted)
    request = replace(request, rests=control.rest)
    made = await _while_there(x, target.inside.warm(request, caller.space, pin=pin))
    told = {"object": "cache.warmed", "model": target.model, **made._asdict(), "rewritten": rewritten}
    await reply(x, told)


async def _as_sent(house: House, wanted: _Wanted) -> tuple[Request, bool]:
    """What requests that begin so reach the model with, and whether that is not what was written. The layout engine
    takes it for one more of them: so it is arranged as the next one will be."""
    request = _beginning(wanted.dialect, wanted.value)  # before anything else, for what is wrong to be said
    mode = wanted.wishes.mode
    if mode == "off" or (mode == "advise" and not wanted.wishes.streams):
        return request, False
    data = orjson.dumps(wanted.value)
    space, dialect, model = wanted.caller.space.id, wanted.dialect.name, wanted.target.model
    work = Work(space, dialect, model, data, wanted.wishes, house.clock())
    made = await house.arranger.do(work, rest=wanted.rest)
    if made is None or made.data == data:
        return request, False
    return _beginning(wanted.dialect, read(made.data).value), True


def _dialect(x: Exchange, value: dict[str, Json]) -> Dialect:
    """In which protocol a body is written: each has a member of its own for the prompt."""
    if "input" in value or "instructions" in value:
        return openai_responses.DIALECT
    if "prompt" in value:
        return openai_completions.DIALECT
    if "system" in value or vendor_of(x) == "anthropic":
        return anthropic.DIALECT
    return openai_chat.DIALECT


def _going_on(dialect: Dialect, value: dict[str, Json]) -> dict[str, Json]:
    """A body with the next turn, where its protocol has turns."""
    if dialect is openai_completions.DIALECT:
        return value
    place = _place(dialect)
    turns = value.get(place) or []
    if type(turns) is str and place == "input":
        turns = [{"role": "user", "content": turns}]
    return {**value, place: [*turns, _NEXT] if type(turns) is list else turns}


def _beginning(dialect: Dialect, value: dict[str, Json]) -> Request:
    """What stands before the next turn: raises ``BadRequest`` if that is nothing."""
    if dialect is openai_completions.DIALECT:
        return dialect.parse(value)
    request = anthropic.parse_count(value) if dialect is anthropic.DIALECT else dialect.parse(value)
    request = replace(request, messages=request.messages[:-1])
    if not request.messages and not request.tools:
        raise BadRequest("There is nothing to warm: send a system prompt, messages or tools.", param=_place(dialect))
    return request


def _place(dialect: Dialect) -> str:
    """The member that holds the turns."""
    return "input" if dialect is openai_responses.DIALECT else "messages"


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
