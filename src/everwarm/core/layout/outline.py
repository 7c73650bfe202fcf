"""A parsed body as a row of pieces, in the order in which a model reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from everwarm.core.layout.outlines import anthropic, openai_chat, openai_responses
from everwarm.core.layout.outlines.parts import Place
from everwarm.core.layout.piece import Piece
from everwarm.core.wire import Json


def outline(dialect: str, value: Mapping[str, Json]) -> tuple[Piece, ...]:
    """The pieces of the body ``value`` in ``dialect``; none in one that has no prompt. Never raises.

    Every text that the model reads is in one piece: also names of tools, reasoning, members that nobody knows. Left out
    are ids that only say what belongs to what, types, marks of a provider's cache, and nulls. What a client sends in
    another shape than the protocol's is opaque.
    """
    write = _OUTLINES.get(dialect)
    return tuple(write(value)) if write is not None else ()


def rendered(pieces: Iterable[Piece]) -> str:
    """What the model reads, as one text: to compare the prefixes of two requests in rendered order.

    Each message, and each tool, begins with a line that says whose it is. It is no provider's template.
    """
    texts: list[str] = []
    before: object = None
    for piece in pieces:
        here = (piece.role, piece.path if piece.kind == "definition" else piece.message)
        if here != before:
            texts.append(f"\n<|{piece.role}|>\n")
            before = here
        texts.append(piece.text)
    return "".join(texts)


def _completions(value: Mapping[str, Json]) -> list[Piece]:
    pieces: list[Piece] = []
    place = Place(pieces, "messages", "user", 0)
    place.string(("prompt",), value.get("prompt"), "text")
    place.opaque(("suffix",), value.get("suffix"))
    return pieces


_OUTLINES: Final[Mapping[str, Callable[[Mapping[str, Json]], list[Piece]]]] = {
    "anthropic_messages": anthropic.outline,
    "openai_chat": openai_chat.outline,
    "openai_completions": _completions,
    "openai_responses": openai_responses.outline,
}
"""By dialect."""
