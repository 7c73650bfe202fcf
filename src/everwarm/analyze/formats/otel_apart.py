"""What stands apart from the span of a call: its messages, its answer, its details, and spans around it.

Older instrumentation logs each message and each choice as a record of its own, newer one may log all of a call in one
record, whose only time is that of its end; both belong to a span by its id, which may come before them or behind. And
two libraries may tell of one call, one around the other: the outer span often has the prompt, the inner one the id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from everwarm.analyze.formats.otel_call import call
from everwarm.analyze.formats.otel_prompt import CHOICE, EVENTS, Span, message_of
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.call import Place
from everwarm.core.wire import Json

DETAILS: Final = "gen_ai.client.inference.operation.details"
"""The event that has all that a span has, where messages are not to stand in spans."""

_WAIT: Final = 1024
"""Spans, and details, that are kept for the other one: more than exporters send at once."""


class Apart:
    """Of one file. Takes what stands apart, and gives calls with it."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._messages: dict[str, list[Json]] = {}  # all by the id of their span
        self._choices: dict[str, list[Json]] = {}
        self._details: dict[str, tuple[Span, Place]] = {}
        self._spans: dict[str, Span] = {}  # those that had no prompt
        self._inner: dict[str, tuple[str, float | None]] = {}  # of the call within it: its id, and when it was answered

    def take(self, span: Span, place: Place) -> Iterator[Record] | None:
        """Of a message, a choice or details: the calls that are complete with it. None if it is none of these."""
        if span.name in EVENTS:
            self._messages.setdefault(span.id, []).append(message_of(span))
        elif span.name == CHOICE:
            self._choices.setdefault(span.id, []).append(span.body or span.said)
        elif span.name == DETAILS:
            return self._detailed(span, place)
        else:
            return None
        return iter(())

    def call(self, span: Span, place: Place) -> Record:
        """The call that the span is."""
        details = self._details.pop(span.id, None)
        if details is not None:
            span = _joined(span, details[0])
        inner, began = self._inner.pop(span.id, ("", None))
        record = call(span, place, self._messages.pop(span.id, []), self._choices.pop(span.id, []), inner)
        record.began = began if record.began is None else record.began
        if span.parent:
            self._inner[span.parent] = record.id, record.began
        if span.id and record.body is None:
            self._spans[span.id] = span
            if len(self._spans) > _WAIT:
                del self._spans[next(iter(self._spans))]
        return record

    def rest(self) -> Iterator[Record | Unread]:
        """At the end of the file: what waits for a span in vain."""
        for details, place in self._details.values():
            yield call(details, place)
        lost = len(self._messages)
        if lost:
            why = "messages belong to spans that are not in the file: export traces and logs together"
            yield Unread(Place(self._file, 0), f"those of {lost} calls: {why}")

    def _detailed(self, details: Span, place: Place) -> Iterator[Record]:
        span = self._spans.pop(details.id, None) if details.id else None
        if span is not None or not details.id:
            yield call(details if span is None else _joined(span, details), place)
            return
        self._details[details.id] = details, place
        if len(self._details) > _WAIT:
            yield call(*self._details.pop(next(iter(self._details))))


def _joined(span: Span, details: Span) -> Span:
    """The times of the one, and all that both say."""
    return replace(span, said={**span.said, **details.said})
