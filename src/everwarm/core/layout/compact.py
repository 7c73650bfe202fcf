"""A JSON value as compact bytes, keys in the order in which they came."""

from __future__ import annotations

import json

import orjson

from everwarm.core.wire import Json


def compact(value: Json) -> bytes:
    """The value without white space. Also one that orjson cannot write: integers beyond 64 bits, half characters."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
