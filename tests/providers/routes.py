"""From a request to its answer: which API it is for, and whether it may have one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from providers import errors
from providers.answer import Answer, Call, Refused, as_json
from providers.asked import Asked
from providers.chat import chat
from providers.completions import completions
from providers.embeddings import embeddings
from providers.headers import usual
from providers.messages import count_tokens, messages
from providers.models import model, models
from providers.prefixes import Prefixes
from providers.responses import responses

Api = Callable[[Call], Answer]

POSTS: dict[str, tuple[Api, str]] = {
    "/v1/chat/completions": (chat, "openai"),
    "/v1/completions": (completions, "openai"),
    "/v1/embeddings": (embeddings, "openai"),
    "/v1/responses": (responses, "responses"),
    "/v1/messages": (messages, "anthropic"),
    "/v1/messages/count_tokens": (count_tokens, "anthropic"),
}
"""Path -> the API, and whose errors it makes."""

WRONG_TYPE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What an API stumbles over where a request is not as the reference says."""


def answer(
    number: int, asked: Asked, say: Callable[[int, str], str], prefixes: Prefixes, keys: Iterable[str] | None
) -> Answer:
    """The answer to a request that is well-formed HTTP; its ``number`` is the nonce."""
    api, family = _api(asked)
    call = Call(number, asked, {}, say, prefixes)
    try:
        _authorised(asked, keys)
        parsed = _parsed(asked) if asked.path in POSTS and asked.method == "POST" else {}
        return api(Call(number, asked, parsed, say, prefixes))
    except Refused as no:
        return refusal(call, family, no)
    except WRONG_TYPE:
        return refusal(call, family, Refused(400, "A member of the request has the wrong type."))


def refusal(call: Call, family: str, no: Refused) -> Answer:
    """An error answer."""
    body = errors.body(family, no.status, no.message, call.number, no.param)
    return as_json(call, body, family, no.status)


def _api(asked: Asked) -> tuple[Api, str]:
    whose = "openai" if asked.header("anthropic-version") is None else "anthropic"
    if asked.method == "POST" and asked.path in POSTS:
        return POSTS[asked.path]
    if asked.method == "GET" and asked.path == "/v1/models":
        return models, whose
    if asked.method == "GET" and asked.path.startswith("/v1/models/"):
        return model, whose
    return echo, whose


def echo(call: Call) -> Answer:
    """What is not known comes back: method and target in a line, then the body."""
    head = f"{call.asked.method} {call.asked.target}\n".encode("latin-1")
    return Answer((head + call.asked.body,), usual("openai", call.number, "application/octet-stream"))


def _authorised(asked: Asked, keys: Iterable[str] | None) -> None:
    if keys is None:
        return
    bearer = (asked.header("authorization") or "").removeprefix("Bearer ")
    if (asked.header("x-api-key") or bearer) not in set(keys):
        raise Refused(401, "Incorrect API key provided.")


def _parsed(asked: Asked) -> dict[str, Any]:
    try:
        body = orjson.loads(asked.body)
    except orjson.JSONDecodeError:
        raise Refused(400, "We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict):
        raise Refused(400, "The body must be a JSON object.")
    if not isinstance(body.get("model"), str):
        raise Refused(400, "you must provide a model parameter", "model")
    return body
