"""POST /v1/embeddings: vectors that depend on the text alone, near one another where texts share words."""

from __future__ import annotations

import math
import struct
from array import array
from base64 import b64encode
from hashlib import shake_256
from typing import Any

from providers.answer import Answer, Call, Refused, as_json

DIMENSIONS = 1536


def embeddings(call: Call) -> Answer:
    """One vector of length 1 for each text, as numbers or as base64 of little-endian 32-bit floats."""
    body = call.body
    if "input" not in body:
        raise Refused(400, "you must provide an input parameter", "input")
    texts = _texts(body["input"])
    form = FORMS[body.get("encoding_format") or "float"]
    dimensions = body.get("dimensions") or DIMENSIONS
    if not 1 <= dimensions <= DIMENSIONS:
        raise Refused(400, f"This model has up to {DIMENSIONS} dimensions.", "dimensions")
    vectors = [vector(t, dimensions) for t in texts]
    data = [{"object": "embedding", "index": i, "embedding": form(v)} for i, v in enumerate(vectors)]
    tokens = sum(len(t.split()) for t in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return as_json(call, {"object": "list", "data": data, "model": body.get("model"), "usage": usage})


FORMS: dict[str, Any] = {
    "float": lambda v: v.tolist(),
    "base64": lambda v: b64encode(struct.pack(f"<{len(v)}f", *v)).decode(),
}


def _texts(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    if all(isinstance(each, int) for each in given):
        return [" ".join(map(str, given))]
    return [each if isinstance(each, str) else " ".join(map(str, each)) for each in given]


def vector(text: str, dimensions: int) -> array[float]:
    """The sum of the vectors of its words, made as long as 1."""
    total = [0.0] * dimensions
    for word in text.lower().split() or [""]:
        data = shake_256(word.encode()).digest(2 * dimensions)
        for i, (value,) in enumerate(struct.iter_unpack("<h", data)):
            total[i] += value
    length = math.sqrt(sum(x * x for x in total))
    return array("f", (x / length for x in total))
