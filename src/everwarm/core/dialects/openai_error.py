"""Errors in the shape of the OpenAI protocols."""

from __future__ import annotations

import orjson

from everwarm.core import sse
from everwarm.core.wire import Json
from everwarm.errors import EverwarmError


def error(e: EverwarmError) -> bytes:
    """The JSON body of an error."""
    return orjson.dumps({"error": shape(e)})


def error_event(e: EverwarmError) -> bytes:
    """An error in the middle of a stream: the official SDKs raise on a chunk with a member ``error``."""
    return sse.write(orjson.dumps({"error": shape(e)}))


def shape(e: EverwarmError) -> dict[str, Json]:
    """The member ``error``."""
    return {"message": e.message, "type": e.kind, "param": e.param, "code": e.code}
