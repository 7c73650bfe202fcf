"""Requests for embeddings: the inputs of a batch, what each of them alone is asked as, and a request for some of them.

Source: OpenAI API reference, "Create embeddings", as of November 2026.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from everwarm.core.body import Body
from everwarm.core.canonical import canonical
from everwarm.core.dialects import openai_embeddings
from everwarm.core.spellings.spelling import is_tokens
from everwarm.core.wire import Json


def inputs_of(value: Mapping[str, Json]) -> tuple[Json, ...]:
    """The texts of a request, each a string or a list of token ids; none if they are written in a way that is not
    known."""
    given = value.get("input")
    if type(given) is str or is_tokens(given):
        return (given,)
    if type(given) is list and (all(type(i) is str for i in given) or all(is_tokens(i) for i in given)):
        return tuple(given)
    return ()


def weight(text: Json) -> int:
    """By which the tokens of a batch are shared out: the bytes of a text, or its token ids."""
    return len(text) if type(text) is list else max(1, len(text.encode()))


class Mold(NamedTuple):
    """The canonical form of a request, cut open where its inputs stand. Make it with ``mold``."""

    head: bytes
    tail: bytes

    def of(self, inputs: Sequence[Json]) -> bytes:
        """The canonical form of the same request for these inputs."""
        return b"%b%b%b" % (self.head, orjson.dumps(inputs[0] if len(inputs) == 1 else inputs), self.tail)


def mold(body: Body, model: str) -> Mold | None:
    """The mold of ``body``, which may have a key; None where its numbers are too large to be told apart at this speed.

    Raises ``BadRequest`` if the body is nested too deep.
    """
    mark = "#" * len(body.data)  # longer than any text in the body
    form = canonical(openai_embeddings.DIALECT.name, body._replace(value={**body.value, "input": mark}), model)
    head, found, tail = form.partition(b'"input":"%b"' % mark.encode())
    return Mold(head + b'"input":', tail) if found else None


_DECODER: Final = json.JSONDecoder()
_BEFORE_NAME: Final = re.compile(r"[ \t\n\r{,]*")
_BEFORE_VALUE: Final = re.compile(r"[ \t\n\r:]*")


def with_inputs(data: bytes, inputs: Sequence[Json]) -> bytes:
    """``data``, a JSON object with one member ``input``, asking for these inputs. Everything else stays as it is."""
    text = data.decode("utf-8-sig")
    name, start, end = "", 0, 0
    while name != "input":
        name, end = _DECODER.raw_decode(text, _after(_BEFORE_NAME, text, end))
        start = _after(_BEFORE_VALUE, text, end)
        _, end = _DECODER.raw_decode(text, start)
    return b"%b%b%b" % (text[:start].encode(), orjson.dumps(inputs), text[end:].encode())


def _after(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at
