"""A value from a file as a request body, and in which protocol it is."""

from __future__ import annotations

from typing import NamedTuple

import orjson

from everwarm.core.dialects.guess import dialect_of, wrapped
from everwarm.core.layout.outline import outline, rendered
from everwarm.core.layout.piece import Piece


class Request(NamedTuple):
    """One request, as the model reads it."""

    dialect: str
    model: str
    pieces: tuple[Piece, ...]
    text: str  # all of them, as the model reads them


def request_of(value: object) -> Request | None:
    """A body, or what has one as ``request`` or ``body``; None for anything else."""
    for _ in range(3):
        if not isinstance(value, dict):
            return None
        dialect = dialect_of(value)
        if dialect is not None:
            pieces = outline(dialect.name, value)
            return Request(dialect.name, str(value.get("model", "")), pieces, rendered(pieces))
        inner = wrapped(value)
        try:
            value = orjson.loads(inner) if isinstance(inner, str) else inner
        except orjson.JSONDecodeError:
            return None
    return None
