"""The inputs of a request for embeddings, and where the vector of each is stored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from everwarm.core.body import read
from everwarm.core.embeddings import Mold, inputs_of, mold
from everwarm.core.key import ExactKey, exact_key
from everwarm.core.wire import Json
from everwarm.gateway.ask import Ask

LARGEST: Final = 8 * 2**20
"""Bytes of all that stands around the inputs, over all keys of a batch: each key holds it once."""


class Batch(NamedTuple):
    """One request's inputs, in its order. Make it with ``batch_of``."""

    ask: Ask
    context: bytes  # see ``key.exact_key``
    mold: Mold
    inputs: tuple[Json, ...]  # each a text, or a list of token ids
    keys: tuple[ExactKey, ...]  # of each input alone

    def key(self, inputs: Sequence[Json]) -> ExactKey:
        """Of the same request for these inputs."""
        return _key(self.ask, self.mold, inputs, self.context)

    def missing(self, found: Collection[ExactKey]) -> tuple[Json, ...]:
        """The inputs whose keys are not among those ``found``, each once."""
        distinct = dict(zip(self.keys, self.inputs, strict=True))
        return tuple(given for key, given in distinct.items() if key not in found)


def batch_of(ask: Ask, context: bytes) -> Batch | str:
    """The batch that ``ask`` asks for; in words, why its vectors can have no keys."""
    body = read(ask.data)
    inputs = inputs_of(body.value)
    if not inputs:
        return "its input is written in a way that is not known"
    made = mold(body, ask.question.target.model)
    if made is None:
        return "it holds numbers beyond what can be told apart"
    if len(inputs) > 1 and len(inputs) * (len(made.head) + len(made.tail) + len(context)) > LARGEST:
        return "what stands around its inputs is too long to be kept with each of them"
    keys = tuple(_key(ask, made, (given,), context) for given in inputs)
    return Batch(ask, context, made, inputs, keys)


def _key(ask: Ask, made: Mold, inputs: Sequence[Json], context: bytes) -> ExactKey:
    target = ask.question.target
    return exact_key(ask.caller.space, ask.question.dialect.name, target.identity, made.of(inputs), context)
