"""Answers with embeddings, taken apart into one vector for each input; the bytes in which each rests; put together.

A vector is kept as the upstream wrote it, number by number: nothing is rounded. The format is versioned:
docs/formats.md. Source: OpenAI API reference, "Create embeddings", as of November 2026.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

import orjson

from everwarm.core.dialects.counts import count
from everwarm.core.wire import Json

MAGIC: Final = b"EWE1"
_HEAD: Final = Struct("<4sIId")
# magic, tokens, length of the frame, seconds; then the frame, then the embedding

_COUNTS: Final = ("prompt_tokens", "total_tokens")
_ITEM: Final = frozenset({"object", "index", "embedding"})
_VALUE: Final = re.compile(rb'"embedding"\s*:\s*(\[[-+0-9.eE,\s]+\]|"[-A-Za-z0-9+/_=]+")')
_SPACE: Final = b" \t\n\r"

LARGEST_FRAME: Final = 4096
"""Bytes of an answer besides its vectors: they are kept with each of them."""


class Vector(NamedTuple):
    """The embedding of one input, and what is needed to make an answer of it."""

    tokens: int  # of the input; of a batch's inputs, its share of what the batch took
    seconds: float  # that the request took which brought it
    frame: bytes  # JSON: that request's answer with no data and all counts 0
    value: bytes  # JSON: the embedding as it came, without white space

    @property
    def model(self) -> Json:
        """Who made it, as the answer said."""
        return orjson.loads(self.frame).get("model")


class Apart(NamedTuple):
    """An answer taken apart: the vectors in the order of the inputs, or in words why there are none."""

    vectors: tuple[Vector, ...]
    flaw: str | None
    tokens: int | None  # None where it does not say


def pack(vector: Vector) -> bytes:
    """The bytes of ``vector``."""
    head = _HEAD.pack(MAGIC, vector.tokens, len(vector.frame), vector.seconds)
    return head + vector.frame + vector.value


def unpack(payload: bytes) -> Vector | None:
    """What ``pack`` packed; None if it is of another version or too short. The store's seal proves that it is whole."""
    if len(payload) < _HEAD.size or payload[:4] != MAGIC:
        return None
    _, tokens, length, seconds = _HEAD.unpack_from(payload)
    at = _HEAD.size + length
    return Vector(tokens, seconds, payload[_HEAD.size : at], payload[at:]) if len(payload) > at else None


def apart(answer: bytes, weights: Sequence[int], seconds: float) -> Apart:
    """``answer`` to a request for as many inputs as there are ``weights``. Never raises.

    An upstream tells only the tokens of a whole batch: each input's share of them is in proportion to its weight.
    """
    try:
        whole = orjson.loads(answer)
    except orjson.JSONDecodeError:
        whole = None
    if type(whole) is not dict:
        return Apart((), "it was not a JSON object", None)
    usage = whole.get("usage")
    tokens = count(usage, *_COUNTS) if type(usage) is dict else None
    values = _values(answer, whole.get("data"), len(weights))
    flaw = _flaw(whole, values)
    if flaw or tokens is None:
        return Apart((), flaw or "it did not say how many tokens it took", tokens)
    frame = _frame(whole)
    if frame is None:
        return Apart((), "it held much more than embeddings", tokens)
    each = zip(shares(tokens, weights), values, strict=True)
    return Apart(tuple(Vector(share, seconds, frame, value) for share, value in each), None, tokens)


def _flaw(whole: dict[str, Json], values: Sequence[bytes]) -> str | None:
    if "error" in whole and "data" not in whole:
        return "it was an error"
    return None if values else "it did not hold one embedding for each input, in a form that is known"


def _values(answer: bytes, items: Json, number: int) -> list[bytes]:
    """The embeddings as they are written, in the order of their ``index``; none if anything is not as expected."""
    if type(items) is not list or len(items) != number or not all(_is_item(i) for i in items):
        return []
    written: list[bytes] = _VALUE.findall(answer)
    if len(written) != number or any(orjson.loads(w) != i["embedding"] for w, i in zip(written, items, strict=True)):
        return []
    placed = {item["index"]: w.translate(None, _SPACE) for item, w in zip(items, written, strict=True)}
    return [placed[i] for i in range(number)] if placed.keys() == set(range(number)) else []


def _is_item(item: Json) -> bool:
    known = type(item) is dict and item.keys() == _ITEM and item["object"] == "embedding"
    return known and type(item["index"]) is int


def _frame(whole: dict[str, Json]) -> bytes | None:
    """What stands around the vectors, if it is no more than can be kept with each. What ``usage`` says of this one
    request is left out."""
    usage = {k: 0 if k in _COUNTS else v for k, v in whole["usage"].items() if k in _COUNTS or not v}
    try:
        frame = orjson.dumps({**whole, "data": [], "usage": usage})
    except orjson.JSONEncodeError:  # it is nested deeper than can be written
        return None
    return frame if len(frame) <= LARGEST_FRAME else None


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` in whole parts that are in proportion to ``weights`` and add up: the largest remainders get one more.

    Equal remainders: the first ones.
    """
    whole = sum(weights)
    out = [total * w // whole for w in weights]
    by_rest = sorted(range(len(weights)), key=lambda i: -(total * weights[i] % whole))
    for i in by_rest[: total - sum(out)]:
        out[i] += 1
    return out


def together(vectors: Sequence[Vector], around: Vector) -> bytes:
    """The answer that holds these vectors in this order, in the frame of ``around``."""
    frame = orjson.loads(around.frame)
    tokens = sum(v.tokens for v in vectors)
    items = [{"object": "embedding", "index": i, "embedding": orjson.Fragment(v.value)} for i, v in enumerate(vectors)]
    usage = {k: tokens if k in _COUNTS else v for k, v in frame["usage"].items()}
    return orjson.dumps({**frame, "data": items, "usage": usage})
