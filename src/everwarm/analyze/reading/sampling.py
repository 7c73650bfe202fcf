"""Of a log with more in it than memory holds, every second, fourth, eighth ... conversation: chosen by how it begins.

So conversations stay whole, and whatever the order of a log's lines is, the same ones are chosen: as many as there is
room for. (Only where some one call in 64 begins alike, the order may tell whether that is taken for one conversation.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import orjson

from everwarm.analyze.reading import digests
from everwarm.analyze.reading.record import Record
from everwarm.core.analysis.units import TALKS
from everwarm.core.layout.outlines.parts import LEADING, role_of
from everwarm.core.wire import Json

_BEGIN: Final = 500
"""Characters of a text by which it is told from others, together with its length."""

_SAID: Final = (*TALKS, "prompt")
"""Members of a body with what is said."""

_SHARED: Final = 64
"""What more than one call in so many has for its beginning or session is none of a conversation, but a template of an
application, a greeting, or the name of a service: these calls are chosen by all that they say, or each by itself."""


class Sampling:
    """``level``: one conversation in 2 ** ``level`` is taken. ``shared``: keys that are none of conversations."""

    def __init__(self, level: int = 0, shared: frozenset[int] = frozenset()) -> None:
        self._level = level
        self._shared = shared

    @property
    def one_in(self) -> int:
        """So many conversations one is taken."""
        return 1 << self._level

    def key(self, record: Record) -> int:
        """Of 64 bits, the same for all calls of a conversation."""
        key = 0
        for name in _names(record):
            key = digests.number(name)
            if key not in self._shared:
                break
        return key

    def takes(self, key: int) -> bool:
        """Whether the calls with this key are in it."""
        return not key & (self.one_in - 1)

    def finer(self, keys: Iterable[int]) -> Sampling:
        """One that takes half as many; or as many, if there are keys that were not known to be ``shared``. ``keys``: of
        the calls that were taken until there was no more room."""
        counts = Counter(keys)
        most = counts.total() / _SHARED
        shared = self._shared.union(key for key, count in counts.items() if count > most)
        return Sampling(self._level + (shared == self._shared), shared)


def _names(record: Record) -> Iterator[str]:
    """What tells which conversation it is: of a transcript its file; else its session, if that is told, or the first
    message that is no system prompt. What tells it from others that have that as well: all that was said; the time."""
    if record.blocks is not None:
        yield record.place.file
        return
    begin = record.line.session or (_first(record.body) if record.body is not None else "")
    if begin:
        yield f"{record.line.space}\n{begin}"
    if record.body is not None:
        yield _written([record.body[name] for name in _SAID if name in record.body])
    yield f"{record.place}" if record.at is None else f"{record.line} {record.at} {record.usage}"


def _first(body: Mapping[str, Json]) -> str:
    """How the first message begins that is no system prompt, or the prompt; and how long it is."""
    talk = next((body[name] for name in _SAID if name in body), None)
    if isinstance(talk, list):
        talk = next((item for item in talk if role_of(item) not in LEADING), None)
        if isinstance(talk, dict) and isinstance(talk.get("content"), str):
            talk = talk["content"]
    text = talk if isinstance(talk, str) else _written(talk)
    return f"{len(text)} {text[:_BEGIN]}"


def _written(value: Json) -> str:
    return orjson.dumps(value).decode()
