"""OpenAI Embeddings. Source: OpenAI API reference, "Create embeddings", as of November 2026."""

from __future__ import annotations

from typing import Final

from everwarm.core.plain import DEPTH, Plain
from everwarm.core.spellings.spelling import Spelling, one_text_or_tokens
from everwarm.core.wire import Json

VOLATILE: Final = {
    "user": "names who asks, for abuse reports; the model does not see it",
}


def inputs(value: Json, spell: Plain) -> Json:
    """A list of one input as that input."""
    return one_text_or_tokens(spell(value, DEPTH))


def _is_float(value: Json) -> bool:
    return bool(value == "float")


SPELLING: Final = Spelling(
    volatile=VOLATILE,
    members={"input": inputs},
    defaults={"encoding_format": _is_float},
)
