"""Errors in the shape of the Anthropic protocol.

Source: Claude API reference, "Errors", as of November 2026.
"""

from __future__ import annotations

from typing import Final

import orjson

from everwarm.core import sse
from everwarm.errors import EverwarmError

_KINDS: Final = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""By HTTP status. Any other below 500 is an ``invalid_request_error``, and from there on an ``api_error``."""


def error(e: EverwarmError) -> bytes:
    """The JSON body of an error."""
    kind = _KINDS.get(e.status, "invalid_request_error" if e.status < 500 else "api_error")
    return orjson.dumps({"type": "error", "error": {"type": kind, "message": e.message}})


def error_event(e: EverwarmError) -> bytes:
    """An error in the middle of a stream: the official SDKs raise on an event of this name."""
    return sse.write(error(e), "error")
