"""One request as it came in, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True)
class Asked:
    """Header names keep their case and headers their order. ``body`` is without the framing of chunks."""

    method: str
    target: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    at: float  # time.monotonic() when the last byte was read
    connection: int  # number of the connection, from 1
    version: str = "1.1"

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return orjson.loads(self.body)

    def all(self, name: str) -> list[str]:
        """The values of every header of that name, in order."""
        wanted = name.lower().encode()
        return [value.decode("latin-1") for key, value in self.headers if key.lower() == wanted]

    def header(self, name: str) -> str | None:
        """The value of the one header of that name; None without it. It is an error to ask for one that came twice."""
        values = self.all(name)
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None
