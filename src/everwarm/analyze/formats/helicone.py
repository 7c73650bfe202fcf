"""Helicone's exports: JSON lines or a list, of the rows of its request query.

Sources: Helicone's documentation, "Export Data"; the schema ``HeliconeRequest`` of its API. Counts are read from the
answer itself where it was exported, too: those of the row do not say whether the prompt's hold what was cached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from everwarm.analyze.formats.bodies import own, shown
from everwarm.analyze.formats.calls import record
from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.formats.told import Told
from everwarm.analyze.formats.values import read, values
from everwarm.analyze.reading.answers import answer_of
from everwarm.analyze.reading.record import Record, Unread
from everwarm.analyze.reading.usages import count, disjoint
from everwarm.core.analysis.call import Place
from everwarm.core.dialects.guess import dialect_of
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_MARKS: Final = (
    b'"request_created_at"',
    b'"response_created_at"',
    b'"response_status"',
    b'"request_properties"',
    b'"helicone_user"',
    b'"signed_body_url"',
)


class Helicone:
    """See ``format.Format``."""

    name = "Helicone export"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        text = b"\n".join(head)
        return 0.9 if sum(mark in text for mark in _MARKS) >= 2 else 0.0

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        for found in values(lines):
            yield found if isinstance(found, Unread) else _call(found[1], Place(lines.name, found[0]))


FORMAT: Final[Format] = Helicone()


def _call(value: Json, place: Place) -> Record | Unread:
    if not isinstance(value, dict) or not ("request_id" in value or "response_id" in value or "request_body" in value):
        return Unread(place, "it is no request of Helicone's", shown(value))
    body = _body(value.get("request_body"), place)
    answer = answer_of(value.get("response_body"))
    counted = answer.usage if answer is not None and answer.usage is not None else _usage(value)
    if body is None and counted is None:
        return Unread(place, "it has neither a body nor tokens: export it with bodies", shown(value))
    told = Told(
        value,
        at=value.get("request_created_at"),
        ended=value.get("response_created_at"),
        took_ms=value.get("delay_ms", value.get("latency")),
        first_ms=value.get("time_to_first_token"),
        session=_property(value, "Helicone-Session-Id"),
        app=_property(value, "app") or _property(value, "appname"),
    )
    return record(place, told, None if body is None else own(body), answer, usage=counted)


def _body(value: Json, place: Place) -> Mapping[str, Json] | None:
    """None if it is none of a protocol that we know: then only tokens are told."""
    if isinstance(value, str):
        value = read(value.encode("utf-8", "replace"), place)
    return value if isinstance(value, dict) and dialect_of(value) is not None else None


def _usage(value: Mapping[str, Json]) -> Usage | None:
    prompt, output = count(value, "prompt_tokens"), count(value, "completion_tokens")
    if prompt is None and output is None:
        return None
    read = count(value, "prompt_cache_read_tokens") or 0
    written = count(value, "prompt_cache_write_tokens") or 0
    total = count(value, "total_tokens")
    return disjoint(prompt or 0, output or 0, read=read, written=written, total=total, includes=False)


def _property(value: Mapping[str, Json], name: str) -> Json:
    """One that a client has set by a header."""
    properties = value.get("request_properties", value.get("properties"))
    return properties.get(name) if isinstance(properties, dict) else None
