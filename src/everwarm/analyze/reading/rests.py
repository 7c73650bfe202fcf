"""What bodies have besides their prompts, each kept once and in bounded memory: a log may put all of a request into it
once more."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import orjson

from everwarm.core.analysis.prompts import MEMBERS
from everwarm.core.analysis.texts import trimmed
from everwarm.core.wire import Json

ROOM: Final = 32 * 1024 * 1024
"""Bytes of JSON, of rests that are longer than most. When they are used up, a digest stands for a long member."""

_OF_ONE: Final = 800
"""Bytes of memory of one that is not long."""

_LONG: Final = 2_000
"""Bytes of JSON of a rest, or of a member, that is longer than most."""


class Rests:
    """Of one log. ``room``: in place of ``ROOM``."""

    def __init__(self, room: int = ROOM) -> None:
        self.held = 0  # bytes of memory
        self._room = room
        self._known: dict[bytes, Mapping[str, Json]] = {}  # by JSON, or by its digest

    def of(self, dialect: str, body: Mapping[str, Json]) -> Mapping[str, Json]:
        """Two that are equal are one object, and two that are not are not, be all of them kept or not."""
        rest = dict(body)
        for name in MEMBERS.get(dialect, ()):
            rest.pop(name, None)
        data = orjson.dumps(rest)
        key = data if len(data) <= _LONG else _digest(data)
        found = self._known.get(key)
        if found is not None:
            return found
        self.held += _OF_ONE
        if key is data:
            key = trimmed(data)
        elif self._room >= len(data):
            self._room -= len(data)
            self.held += 3 * len(data)
        else:
            rest = {name: _short(rest[name]) for name in rest}
        self._known[key] = rest
        return rest


def _short(value: Json) -> Json:
    data = orjson.dumps(value)
    return value if len(data) <= _LONG else f"{len(data):,} bytes that were not kept: {_digest(data).hex()}"


def _digest(data: bytes) -> bytes:
    """Of 16 bytes; JSON of an object is none by chance."""
    return blake2b(data, digest_size=16).digest()
