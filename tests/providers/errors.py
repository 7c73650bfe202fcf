"""How the two providers say no: as a JSON body, and as an event within a stream that began with 200."""

from __future__ import annotations

from typing import Any

from providers.answer import event

OPENAI = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", "service_unavailable"),
}
"""Status -> type and code."""

ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Status -> type."""


def body(family: str, status: int, message: str, number: int = 0, param: str | None = None) -> dict[str, Any]:
    """The body of an error answer."""
    if family == "anthropic":
        error = {"type": ANTHROPIC.get(status, "api_error"), "message": message}
        return {"type": "error", "error": error, "request_id": f"req_{number:024x}"}
    kind, code = OPENAI.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def within(family: str, index: int) -> bytes:
    """The event that says, after ``index`` others, that the stream has failed."""
    message = "The server had an error while processing your request. Sorry about that!"
    if family == "anthropic":
        return event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")
    if family == "responses":
        failed = {"type": "error", "code": "server_error", "message": message, "param": None}
        return event({**failed, "sequence_number": index}, "error")
    return event({"error": {"message": message, "type": "server_error", "param": None, "code": None}})
