"""OpenAI Completions. Source: OpenAI API reference, "Create completion", as of November 2026."""

from __future__ import annotations

from typing import Final

from everwarm.core.plain import DEPTH, Plain
from everwarm.core.spellings.openai_chat import stream_options
from everwarm.core.spellings.spelling import Spelling, is_empty, is_one, one_text_or_tokens
from everwarm.core.wire import Json

VOLATILE: Final = {
    "user": "names who asks, for abuse reports; the model does not see it",
    "stream": "how the answer is delivered",
    "stream_options.include_usage": "whether a stream ends with the token counts",
    "stream_options.include_obfuscation": "padding of a stream's chunks",
}
"""``best_of`` counts, also where it is 1: it says what absence says only for ``n: 1``."""


def prompt(value: Json, spell: Plain) -> Json:
    """A list of one prompt as that prompt."""
    return one_text_or_tokens(spell(value, DEPTH))


SPELLING: Final = Spelling(
    volatile=VOLATILE,
    members={"prompt": prompt, "stream_options": stream_options},
    defaults={"n": is_one, "stream_options": is_empty},
)
