"""A request as the gateway has understood it: what it asks, of whom and for whom; and what may be done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple, ParamSpec, TypeVar

from everwarm.core import policy
from everwarm.core.body import Body, read
from everwarm.core.canonical import canonical
from everwarm.core.dialects.dialect import Dialect, Envelope
from everwarm.core.key import ExactKey, exact_key
from everwarm.core.wire import Request
from everwarm.errors import ModelNotFound
from everwarm.gateway.auth import Caller
from everwarm.gateway.door.exchange import Exchange
from everwarm.gateway.house import House
from everwarm.gateway.upstreams.directory import Target
from everwarm.gateway.upstreams.headers import Headers

T = TypeVar("T")
P = ParamSpec("P")

LARGE: Final = 256 * 2**10
"""Bytes of a body that are understood in about two milliseconds. Larger ones leave the event loop to the others."""


class Question(NamedTuple):
    """What a body asks, of whom, for whom. It depends on nothing else, so it is remembered by these bytes.

    The parsed body is not part of it: only a miss needs that again, and a thousand of them would keep Python's garbage
    collector busy.
    """

    dialect: Dialect
    target: Target
    envelope: Envelope
    canonical: bytes
    key: ExactKey
    context: bytes  # what else counts: headers and query that reach an upstream
    obstacle: str | None  # what keeps the answer out of the store, in words


class Ask(NamedTuple):
    """Everything that the life of a request needs to know."""

    caller: Caller
    data: bytes  # the body as it came
    question: Question
    control: policy.Control
    tags: tuple[str, ...]


async def understand(
    house: House, x: Exchange, dialect: Dialect, caller: Caller, data: bytes
) -> tuple[Ask, Body | None]:
    """The request; and its body, parsed, unless it was known. A large body is understood in a thread.

    Raises ``ClientError`` where it cannot be understood.
    """
    if len(data) > LARGE:
        question, body = await aside(house, data, _question, house, dialect, caller, data, context_of(house, x))
        return _asked(house, x, caller, data, question), body
    return understand_now(house, x, dialect, caller, data)


def understand_now(house: House, x: Exchange, dialect: Dialect, caller: Caller, data: bytes) -> tuple[Ask, Body | None]:
    """As ``understand``, here and now."""
    context = context_of(house, x)
    name = (caller.space.id, dialect.name, context, data)
    question, body = house.questions.get(name), None
    if question is None:
        question, body = _question(house, dialect, caller, data, context)
        house.questions.keep(name, question)
    return _asked(house, x, caller, data, question), body


def _asked(house: House, x: Exchange, caller: Caller, data: bytes, question: Question) -> Ask:
    house.auth.require_model(caller, question.target.model)
    asked, tags = x.made(wishes)
    return Ask(caller, data, question, policy.hindered(asked, question.obstacle), tags)


def wishes(headers: Headers) -> tuple[policy.Control, tuple[str, ...]]:
    """What headers ask of the store: ``Cache-Control``, and labels. Raises ``BadRequest``."""
    control = b",".join([value for name, value in headers if name == b"cache-control"])
    labels = b",".join([value for name, value in headers if name == b"x-everwarm-tags"])
    return policy.control(control.decode("latin-1")), policy.tags(labels.decode("utf-8", "replace"))


def context_of(house: House, x: Exchange) -> bytes:
    """What reaches an upstream besides the body, and may change the answer."""
    context = x.made(house.keyed.of)
    if query := x.scope["query_string"]:
        context += b"?%b" % query
    return context


async def aside(house: House, data: bytes, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """``work`` on a body: here, or in a thread if the body is so large that others would have to wait for it."""
    if len(data) <= LARGE:
        return work(*args, **named)
    return await asyncio.get_running_loop().run_in_executor(house.threads, partial(work, *args, **named))


def request_of(ask: Ask, data: bytes) -> Request:
    """``data``, the client's body or what was made of it, as a model reads it. Raises ``BadRequest``."""
    parsed = ask.question.dialect.parse(read(data).value)
    return parsed if ask.control.rest else replace(parsed, rests=False)


def target_of(house: House, dialect: Dialect, caller: Caller, model: str) -> Target:
    """Where a model's name leads. Raises ``ModelNotFound``, or ``Forbidden`` to who may not use what is not there, and
    shall not learn that. Whether the caller may use what is there is for the caller of this to ask."""
    try:
        return house.directory.find(model, dialect, caller.may_use)
    except ModelNotFound:
        house.auth.require_model(caller, model)
        raise


def _question(house: House, dialect: Dialect, caller: Caller, data: bytes, context: bytes) -> tuple[Question, Body]:
    body = read(data)
    envelope = dialect.envelope(body.value)
    target = target_of(house, dialect, caller, envelope.model)
    form = canonical(dialect.name, body, target.model)
    context = b"" if target.inside else context
    key = exact_key(caller.space, dialect.name, target.identity, form, context)
    obstacle = _obstacle(house, body, dialect, envelope, target)
    return Question(dialect, target, envelope, form, key, context, obstacle), body


def _obstacle(house: House, body: Body, dialect: Dialect, envelope: Envelope, target: Target) -> str | None:
    """What keeps the answer out of the store, in words."""
    if body.unkeyable is not None:
        return body.unkeyable
    if house.store is None:
        return "the response cache is off (cache.enabled = false)"
    if envelope.sampled and not house.config.cache.reuse_of(envelope.model, target.model):
        return "sampled answers are not reused here (reuse_sampled = false)"
    return dialect.obstacle(body.value)
