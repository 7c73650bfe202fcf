"""HTTP archives, as browsers and proxies save them. Source: "HTTP Archive 1.2", the HAR specification."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from typing import Any, Final

from everwarm.analyze.formats.bodies import own, shown
from everwarm.analyze.formats.calls import record
from everwarm.analyze.formats.format import Format, Lines
from everwarm.analyze.formats.told import Told
from everwarm.analyze.formats.values import read, values
from everwarm.analyze.reading.answers import Answer, answer_of
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.call import Place
from everwarm.core.dialects.guess import dialect_of
from everwarm.core.wire import Json

_BEFORE: Final = ("blocked", "dns", "connect", "send", "wait")
"""What passes until the first byte of an answer; that of TLS is part of ``connect``. Milliseconds, -1 if it was not."""


class Har:
    """See ``format.Format``."""

    name = "HTTP archive"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        text = b"\n".join(head)
        marks = (b'"log"', b'"creator"', b'"entries"', b'"pages"', b'"startedDateTime"')
        found = sum(mark in text for mark in marks)
        return 0.95 if found >= 3 and b'"log"' in text[:4096] else 0.0

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        for found in values(lines, ("log.entries",)):
            yield found if isinstance(found, Unread) else _call(found[1], Place(lines.name, found[0]))


FORMAT: Final[Format] = Har()


def _call(entry: Json, place: Place) -> Record | Unread:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        archive = isinstance(entry, dict) and "log" in entry
        why = "it is no HTTP archive: it has no log.entries" if archive else "the entry has no request"
        return Unread(place, why, shown(entry))
    posted = request.get("postData")
    text = posted.get("text") if isinstance(posted, dict) else None
    url = request.get("url")
    if not isinstance(text, str) or not text:
        return Unread(place, f"nothing was posted: {request.get('method')}", str(url)[:80])
    body = read(text.encode("utf-8", "replace"), place)
    if isinstance(body, Unread):
        return Unread(place, f"what was posted cannot be read: {body.why}", body.sample)
    if not isinstance(body, dict) or dialect_of(body) is None:
        return Unread(place, "what was posted is no request to a model", shown(body))
    answer, status = _answer(entry.get("response"))
    first, took = _first(entry.get("timings")), entry.get("time")
    told = Told(at=entry.get("startedDateTime"), took_ms=took, first_ms=first, url=url, status=status)
    return record(place, told, own(body), answer, answered=answer is not None)


def _answer(response: Any) -> tuple[Answer | None, Json]:
    """It, and the status: 0 of a request that was broken off."""
    if not isinstance(response, dict):
        return None, None
    content = response.get("content")
    text = content.get("text") if isinstance(content, dict) else None
    if isinstance(text, str) and isinstance(content, dict) and content.get("encoding") == "base64":
        try:
            text = base64.b64decode(text).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            text = None
    answer = answer_of(text)
    if answer is not None and not response.get("status"):
        answer.failed = True
    return answer, response.get("status")


def _first(timings: Json) -> float | None:
    """Milliseconds to the first byte; None if that was not measured."""
    if not isinstance(timings, dict) or not isinstance(timings.get("wait"), int | float):
        return None
    parts = (timings.get(name) for name in _BEFORE)
    return sum(part for part in parts if isinstance(part, int | float) and part > 0)
