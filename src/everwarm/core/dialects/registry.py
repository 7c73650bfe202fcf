"""All dialects that the gateway answers in."""

from __future__ import annotations

from typing import Final

from everwarm.core.dialects import anthropic, openai_chat, openai_completions, openai_responses
from everwarm.core.dialects.dialect import Dialect

CONVERSING: Final[tuple[Dialect, ...]] = (
    openai_chat.DIALECT,
    openai_completions.DIALECT,
    openai_responses.DIALECT,
    anthropic.DIALECT,
)
"""Those in which one request has one answer of a model."""


def telling(path: str) -> Dialect:
    """In which dialect errors are told that concern this path."""
    return next((d for d in CONVERSING if path.startswith(d.path)), openai_chat.DIALECT)
