"""HTTP archives, as browsers and proxies save them. Source: "HTTP Archive 1.2", the HAR specification.

Playwright may put bodies into files beside the archive, each named by a member ``_file``, and tells in its smallest
form how long an answer took to come, but not how long it was waited for.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
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
            if isinstance(found, Unread):
                yield found
            else:
                yield _call(found[1], Place(lines.name, found[0]), Path(lines.name).parent)


FORMAT: Final[Format] = Har()


def _call(entry: Json, place: Place, folder: Path) -> Record | Unread:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        archive = isinstance(entry, dict) and "log" in entry
        why = "it is no HTTP archive: it has no log.entries" if archive else "the entry has no request"
        return Unread(place, why, shown(entry))
    text, url = _text(request.get("postData"), folder), request.get("url")
    if not text:
        why = "what was posted was not saved" if _posted(request) else f"nothing was posted: {request.get('method')}"
        return Unread(place, why, str(url)[:80])
    body = read(text.encode("utf-8", "replace"), place)
    if isinstance(body, Unread):
        return Unread(place, f"what was posted cannot be read: {body.why}", body.sample)
    if not isinstance(body, dict) or dialect_of(body) is None:
        return Unread(place, "what was posted is no request to a model", shown(body))
    answer, status = _answer(entry.get("response"), folder)
    first, took = _times(entry)
    told = Told(at=entry.get("startedDateTime"), took_ms=took, first_ms=first, url=url, status=status)
    return record(place, told, own(body), answer, answered=answer is not None)


def _posted(request: Mapping[str, Json]) -> bool:
    """Whether there was a body, be it here or not."""
    size = request.get("bodySize")
    return bool(request.get("postData")) or (isinstance(size, int) and size > 0)


def _answer(response: Any, folder: Path) -> tuple[Answer | None, Json]:
    """It, and the status: 0 or -1 of a request that was broken off."""
    if not isinstance(response, dict):
        return None, None
    status = response.get("status")
    answer = answer_of(_text(response.get("content"), folder))
    if answer is not None and (not status or status == -1):
        answer.failed = True
    return answer, status


def _text(held: Any, folder: Path) -> str | None:
    """Of a body: as it stands there, or in the file of that name beside the archive."""
    if not isinstance(held, dict):
        return None
    text, name = held.get("text"), held.get("_file")
    if not text and isinstance(name, str) and _is_name(name):
        try:
            return (folder / name).read_bytes().decode("utf-8", "replace")
        except OSError:
            return None
    if not isinstance(text, str):
        return None
    if held.get("encoding") != "base64":
        return text
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def _is_name(name: str) -> bool:
    """Whether it is one in this folder: an archive must not point at any other file."""
    return Path(name).name == name and "\0" not in name


def _times(entry: Mapping[str, Json]) -> tuple[float | None, Json]:
    """Milliseconds to the first byte, and to the last; None if that was not measured."""
    timings = entry.get("timings")
    wait = timings.get("wait") if isinstance(timings, dict) else None
    if not isinstance(timings, dict) or not isinstance(wait, int | float):
        return None, entry.get("time")
    if wait < 0:
        return None, None  # then the time is that of receiving alone
    parts = (timings.get(name) for name in _BEFORE)
    return sum(part for part in parts if isinstance(part, int | float) and part > 0), entry.get("time")
