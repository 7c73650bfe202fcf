"""GET /v1/models, in the shape of the provider that is meant: Anthropic's clients say their version."""

from __future__ import annotations

from typing import Any

from providers.answer import CREATED, Answer, Call, Refused, as_json

OPENAI = ("gpt-fake", "gpt-fake-mini", "text-embedding-fake")
ANTHROPIC = ("claude-fake", "claude-fake-mini")


def models(call: Call) -> Answer:
    """All of them."""
    if call.asked.header("anthropic-version") is None:
        return as_json(call, {"object": "list", "data": [_openai(name) for name in OPENAI]})
    data = [_anthropic(name) for name in ANTHROPIC]
    page = {"data": data, "has_more": False, "first_id": ANTHROPIC[0], "last_id": ANTHROPIC[-1]}
    return as_json(call, page, "anthropic")


def model(call: Call) -> Answer:
    """One of them."""
    name = call.asked.path.removeprefix("/v1/models/")
    if call.asked.header("anthropic-version") is None:
        return as_json(call, _openai(_known(name, OPENAI)))
    return as_json(call, _anthropic(_known(name, ANTHROPIC)), "anthropic")


def _known(name: str, names: tuple[str, ...]) -> str:
    if name not in names:
        raise Refused(404, f"The model '{name}' does not exist or you do not have access to it.", "model")
    return name


def _openai(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "system"}


def _anthropic(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": "2026-05-05T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }
