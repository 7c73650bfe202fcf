"""Traces and logs of OpenTelemetry, as OTLP in JSON: a collector's file exporter writes one message a line.

Sources: "OTLP Specification", JSON encoding; "Semantic conventions for generative AI", spans and events. What a span or
an event says of a call is read in ``otel_call.py``; what instrumentation tells of it apart from its span, in
``otel_apart.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from everwarm.analyze.formats.bodies import shown
from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.formats.otel_apart import DETAILS, Apart
from everwarm.analyze.formats.otel_call import is_call
from everwarm.analyze.formats.otel_prompt import EVENTS, Span, message_of
from everwarm.analyze.formats.values import values
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.call import Place
from everwarm.core.wire import Json

_DEEP: Final = 32
"""Levels of nesting of an attribute."""

_FIRST: Final = (
    "First Token Stream Event",
    "gen_ai.content.completion.chunk",
    "llm.content.completion.chunk",
    "ai.stream.firstChunk",
)
"""Events for a chunk of the answer, of OpenInference, OpenLLMetry and vercel/ai: the first one counts."""


_AT: Final = ("startTimeUnixNano", "start_time", "timeUnixNano", "observedTimeUnixNano")
"""When it was, of a span or a log record: that of a record that has only the last is known to within the call."""


class Otel:
    """See ``format.Format``."""

    name = "OpenTelemetry"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        text = b"\n".join(head)
        if b'"resourceSpans"' in text or b'"resourceLogs"' in text:
            return 0.95
        return 0.9 if b'"attributes"' in text and (b'"gen_ai.' in text or b'"llm.' in text) else 0.0

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        apart = Apart(lines.name)
        for found in values(lines, ("spans",)):
            if isinstance(found, Unread):
                yield found
                continue
            place = Place(lines.name, found[0])
            known = others = 0
            for span in _spans(found[1]):
                told = apart.take(span, place)
                if told is not None:
                    yield from told
                elif is_call(span):
                    yield apart.call(span, place)
                else:
                    others += 1
                    continue
                known += 1
            if not known:
                why = "none is a call of a model" if others else "it holds no spans and no log records"
                yield Unread(place, f"of {others} spans {why}" if others else why, shown(found[1]))
        yield from apart.rest()


FORMAT: Final[Format] = Otel()


def _spans(value: Json) -> Iterator[Span]:
    """Spans and log records alike, each with what its resource says."""
    if not isinstance(value, dict):
        return
    if isinstance(value.get("attributes"), dict | list):
        yield _span(value, {})
    for group in _objects(value.get("resourceSpans", value.get("resourceLogs"))):
        resource = group.get("resource")
        common = _attributes(resource.get("attributes")) if isinstance(resource, dict) else {}
        scopes = group.get("scopeSpans", group.get("scopeLogs", group.get("instrumentationLibrarySpans")))
        for scope in _objects(scopes):
            for each in _objects(scope.get("spans", scope.get("logRecords"))):
                yield _span(each, common)


def _span(value: dict[str, Json], common: dict[str, Json]) -> Span:
    """Of OTLP, or as SDKs print it: with ``context``, and attributes as an object."""
    said = _attributes(value.get("attributes"))
    context = value.get("context")
    ids = context if isinstance(context, dict) else value
    status = value.get("status")
    code = status.get("code", status.get("status_code")) if isinstance(status, dict) else None
    body = _value(value.get("body"), _DEEP)
    name = said.get("event.name") or value.get("eventName") or value.get("name")
    events = list(_objects(value.get("events")))
    return Span(
        name=name if isinstance(name, str) else "",
        id=_text(ids.get("spanId", ids.get("span_id"))),
        trace=_text(ids.get("traceId", ids.get("trace_id"))),
        parent=_text(value.get("parentSpanId", value.get("parent_id"))),
        said={**said, **_of_events(events)},
        resource=common,
        body=body if isinstance(body, dict) else {},
        at=next((value[name] for name in _AT if value.get(name)), None),
        began=next((e.get("timeUnixNano", e.get("timestamp")) for e in events if e.get("name") in _FIRST), None),
        ended=value.get("endTimeUnixNano", value.get("end_time")),
        failed=code in (2, "STATUS_CODE_ERROR", "ERROR"),
        messages=[message_of(_span(e, {})) for e in events if e.get("name") in EVENTS],
    )


def _of_events(events: Iterable[dict[str, Json]]) -> dict[str, Json]:
    """Attributes of events within a span that could be the span's own: the prompt, and all details."""
    found: dict[str, Json] = {}
    for event in events:
        if event.get("name") in (DETAILS, "gen_ai.content.prompt"):
            found |= _attributes(event.get("attributes"))
    return found


def _attributes(value: Json) -> dict[str, Json]:
    if isinstance(value, dict):
        return value
    pairs = ((each.get("key"), each.get("value")) for each in _objects(value))
    return {key: _value(held, _DEEP) for key, held in pairs if isinstance(key, str)}


def _value(value: Json, room: int) -> Json:
    """An ``AnyValue``: integers are texts in JSON. What is none stays as it is."""
    if not isinstance(value, dict) or not room:
        return value
    for name, held in value.items():
        if name == "intValue":
            return int(held) if isinstance(held, str) and held.isascii() and held.isdigit() and len(held) < 20 else held
        if name == "arrayValue" and isinstance(held, dict):
            inside = held.get("values")
            return [_value(each, room - 1) for each in inside] if isinstance(inside, list) else []
        if name == "kvlistValue" and isinstance(held, dict):
            return {
                each["key"]: _value(each.get("value"), room - 1)
                for each in _objects(held.get("values"))
                if isinstance(each.get("key"), str)
            }
        if name in ("stringValue", "doubleValue", "boolValue"):
            return held
    return value


def _objects(value: Json) -> Iterator[dict[str, Json]]:
    yield from (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
