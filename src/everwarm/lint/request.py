"""A value from a file as a request body, and in which protocol it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from everwarm.core.dialects.guess import dialect_of, wrapped
from everwarm.core.wire import Json


class Request(NamedTuple):
    """One request."""

    dialect: str
    body: Mapping[str, Json]

    @property
    def model(self) -> str:
        """As the body names it; "" if it does not."""
        return str(self.body.get("model", ""))


def request_of(value: object) -> Request | None:
    """A body, or what has one as ``request`` or ``body``; None for anything else."""
    for _ in range(3):
        if not isinstance(value, dict):
            return None
        dialect = dialect_of(value)
        if dialect is not None:
            return Request(dialect.name, value)
        inner = wrapped(value)
        try:
            value = orjson.loads(inner) if isinstance(inner, str) else inner
        except orjson.JSONDecodeError:
            return None
    return None
