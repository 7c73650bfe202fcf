"""OpenAI Responses: one typed event of a stream, as bytes.

Source: OpenAI API reference, "Streaming events", as of November 2026.
"""

from __future__ import annotations

import orjson

from everwarm.core import sse
from everwarm.core.dialects import openai_error
from everwarm.core.wire import Json
from everwarm.errors import EverwarmError


class Numbered:
    """Writes events, numbered from 0 as the dialect wants them."""

    def __init__(self) -> None:
        self._next = 0

    def __call__(self, kind: str, **members: Json) -> bytes:
        """One event. ``members`` come after its type and its number."""
        data = {"type": kind, "sequence_number": self._next, **members}
        self._next += 1
        return sse.write(orjson.dumps(data), kind)


def error_event(e: EverwarmError) -> bytes:
    """An error in the middle of a stream, such that the official SDKs raise.

    They do so for the member ``error`` (Python) or the event's name (JavaScript). The reference gives the other
    members, but which number would be this event's turn is not known here.
    """
    told = {"type": "error", "sequence_number": 0, "code": e.code, "message": e.message, "param": e.param}
    return sse.write(orjson.dumps({**told, "error": openai_error.shape(e)}), "error")
