"""A chat request as the gateway has understood it: what it asks, of whom and for whom; and what may be done with it."""

from __future__ import annotations

from typing import NamedTuple

from everwarm.core import policy
from everwarm.core.body import Body, read
from everwarm.core.canonical import canonical
from everwarm.core.dialects import openai_chat
from everwarm.core.key import ExactKey, Namespace, exact_key
from everwarm.gateway.directory import Target
from everwarm.gateway.exchange import Exchange
from everwarm.gateway.house import House

DIALECT = openai_chat.NAME


class Question(NamedTuple):
    """What a body asks, of whom, for whom. It depends on nothing else, so it is remembered by these bytes.

    The parsed body is not part of it: only a miss needs that again, and a thousand of them would keep Python's garbage
    collector busy.
    """

    namespace: Namespace
    target: Target
    envelope: openai_chat.Envelope
    canonical: bytes
    key: ExactKey
    obstacle: str | None  # what keeps the answer out of the store, in words


class Ask(NamedTuple):
    """Everything that the life of a request needs to know."""

    data: bytes  # the body as it came
    question: Question
    control: policy.Control
    tags: tuple[str, ...]


def understand(house: House, x: Exchange, data: bytes) -> Ask:
    """Raises ``ClientError`` where the request cannot be understood."""
    namespace = house.auth.namespace(x)
    question = house.questions.get(namespace, data)
    if question is None:
        question = _question(house, namespace, data)
        house.questions.keep(namespace, data, question)
    control = policy.control(x.header(b"cache-control").decode("latin-1"), obstacle=question.obstacle)
    labels = x.header(b"x-everwarm-tags")
    return Ask(data, question, control, policy.tags(labels.decode("utf-8", "replace")) if labels else ())


def _question(house: House, namespace: Namespace, data: bytes) -> Question:
    body = read(data)
    envelope = openai_chat.envelope(body.value)
    target = house.directory.find(envelope.model)
    form = canonical(DIALECT, body, target.card.id)
    key = exact_key(namespace, DIALECT, target.identity, form)
    return Question(namespace, target, envelope, form, key, _obstacle(house, body, envelope, target))


def _obstacle(house: House, body: Body, envelope: openai_chat.Envelope, target: Target) -> str | None:
    """What keeps the answer out of the store, in words."""
    if body.unkeyable is not None:
        return body.unkeyable
    if house.store is None:
        return "the response cache is off (cache.enabled = false)"
    if envelope.sampled and not house.config.cache.reuse_of(envelope.model, target.card.id):
        return "sampled answers are not reused here (reuse_sampled = false)"
    return None
