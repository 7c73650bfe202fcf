"""Bodies of requests, one a line or as one JSON value, with whatever a log keeps beside them.

A line is a body; or has one as ``request``, ``body`` ... (also those of OpenAI's batches, with ``response.body``); or
is a body with members of the log in its midst. Sources: the protocols' API references; OpenAI's guide "Batch API"; and
the names that are usual in logs (``told.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from everwarm.analyze.formats.again import Again
from everwarm.analyze.formats.calls import record
from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.formats.told import Told, known
from everwarm.analyze.formats.values import values
from everwarm.analyze.reading.answers import Answer, answer_of
from everwarm.analyze.reading.files import sample
from everwarm.analyze.reading.record import Record, Unread
from everwarm.analyze.reading.usages import usage_of
from everwarm.core.analysis.call import Place
from everwarm.core.dialects.guess import ASKING, WRAPPINGS, dialect_of
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_HOLDERS: Final = (*WRAPPINGS, "request_json", "requestBody", "payload", "params", "kwargs", "input", "json", "data")
"""Members in which a body may stand, as an object or as the text of one."""

_DEEP: Final = 4
"""Objects around a body, at most."""

_OWN: Final = frozenset(("model", "user", "metadata", "service", "project", "path", "conversation"))
"""Members of a body whose names a log may use, too."""

_COUNTS: Final = frozenset(
    (
        "prompt_tokens",
        "input_tokens",
        "completion_tokens",
        "output_tokens",
        "total_tokens",
        "cached_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
    )
)
"""Counts that a log may keep beside the body."""

_MARKS: Final = (
    *(b'"messages"', b'"prompt"', b'"input"', b'"request"', b'"body"', b'"request_body"', b'"usage"'),
    *(b'\\"messages\\"', b'\\"prompt\\"', b'\\"input\\"', b'_tokens"'),
)

_NO_CALL: Final = "it is JSON, but no request: it has no messages, input or prompt, and no such body in it"


class Bodies:
    """See ``format.Format``."""

    name = "requests"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        """Any JSON may be one; a line of text in front of it, as programs print when they start, does not matter."""
        rows = [line.lstrip() for line in head if line.strip()]
        if any(row.startswith(b"{") and any(mark in row for mark in _MARKS) for row in rows):
            return 0.4
        if not rows or rows[0][:1] not in (b"{", b"["):
            return 0.0
        return 0.4 if any(mark in row for row in rows for mark in _MARKS) else 0.1

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        again = Again()
        for found in values(lines):
            yield found if isinstance(found, Unread) else call(found[1], Place(lines.name, found[0]), again.loads)


FORMAT: Final[Format] = Bodies()


def call(value: Json, place: Place, loads: Callable[[bytes], Json] = orjson.loads) -> Record | Unread:
    """One call, or why it is none. ``loads``: for a body that is a text."""
    if not isinstance(value, dict):
        return Unread(place, "it is JSON, but no object", shown(value))
    around, body = _parts(value, loads)
    told = Told(*around, value.get("metadata"))
    answer, answered = _answer(told, value)
    usage = _usage(told, value)
    if body is None:
        if usage is None and (answer is None or answer.usage is None):
            return Unread(place, _NO_CALL, shown(value))
        return record(place, told, None, answer, usage=usage)
    return record(place, told, own(body), answer, usage=usage, answered=answered)


def own(body: Mapping[str, Json]) -> Mapping[str, Json]:
    """The body without what a log wrote into it."""
    strange = _strange(tuple(body))
    return {name: value for name, value in body.items() if name not in strange} if strange else body


@lru_cache(maxsize=256)
def _strange(names: tuple[str, ...]) -> frozenset[str]:
    """Of the members of a body those that a log wrote into it."""
    return frozenset(name for name in names if name in _COUNTS or (name not in _OWN and known(name) is not None))


def shown(value: Json) -> str:
    """The beginning of a value."""
    try:
        return sample(orjson.dumps(value))
    except TypeError:
        return ""


def _parts(
    value: dict[str, Json], loads: Callable[[bytes], Json]
) -> tuple[list[dict[str, Json]], dict[str, Json] | None]:
    """The objects in which a log may tell of a call, from the outside to the inside; and the body."""
    if _is_body(value):
        return [value], value
    around = [value]
    while len(around) < _DEEP and (inner := _held(around[-1], loads)) is not None:
        if _is_body(inner):
            return around, inner
        around.append(inner)
    return around, None


def _is_body(value: Mapping[str, Json]) -> bool:
    if isinstance(value.get("messages"), list):
        return True
    if ASKING.isdisjoint(value):
        return False
    if isinstance(value.get("input"), dict) or isinstance(value.get("prompt"), dict) or "object" in value:
        return False  # what a log calls so; and answers, which repeat ``instructions``
    return dialect_of(value) is not None


def _held(value: Mapping[str, Json], loads: Callable[[bytes], Json]) -> dict[str, Json] | None:
    """What a value that is no body holds in place of one."""
    for name in _holders(tuple(value)):
        inner = value[name]
        if isinstance(inner, str) and inner.lstrip().startswith("{"):
            try:
                inner = loads(inner.encode())
            except ValueError:  # no JSON, or half a character
                continue
        if isinstance(inner, dict):
            return inner
    return None


@lru_cache(maxsize=256)
def _holders(names: tuple[str, ...]) -> tuple[str, ...]:
    """Of the members of an object those in which one may stand, the surest first."""
    return tuple(name for name in _HOLDERS if name in names)


def _answer(told: Told, value: Mapping[str, Json]) -> tuple[Answer | None, bool | None]:
    """It, and whether there is one. The answer of a batch, or of a log of HTTP, stands in ``body`` with its status."""
    found = told.get("answer")
    if isinstance(found, dict) and isinstance(found.get("body"), dict | str | list):
        status = Told(found)
        answer = answer_of(found["body"])
        if answer is not None and status.failed:
            answer.failed = True
        return answer, answer is not None
    if found is None:
        if "choices" in value or value.get("object") == "response":
            found = value
        elif "response" not in value:
            return None, None
    answer = answer_of(found)
    return answer, answer is not None if "response" in value or answer is not None else None


def _usage(told: Told, value: Mapping[str, Any]) -> Usage | None:
    """As told beside the answer."""
    found = told.get("usage")
    usage = None if found is None else usage_of(found)
    if usage is None and not _COUNTS.isdisjoint(value):
        usage = usage_of({name: value[name] for name in value if name in _COUNTS or name.endswith("_details")})
    return usage
