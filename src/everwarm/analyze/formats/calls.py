"""A record, put together from what a log has of a call: the body, the answer, and what is told beside them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from everwarm.analyze.formats.told import Told
from everwarm.analyze.reading.answers import Answer
from everwarm.analyze.reading.providers import provider_of
from everwarm.analyze.reading.record import Record
from everwarm.core.analysis.call import Line, Place
from everwarm.core.dialects.guess import dialect_of
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_SESSION: Final = "_session_"
"""What stands before the session in the ``metadata.user_id`` of some agents."""

_WHO: Final = frozenset(("url", "provider", "space", "key", "app", "session", "user"))
"""What may be told, besides the model, of who asked whom."""

_LATER: Final = frozenset(("began", "ended", "took", "took_ms", "took_s", "first", "first_ms"))
"""What may be told of the time after it was sent."""


def record(
    place: Place,
    told: Told,
    body: Mapping[str, Json] | None = None,
    answer: Answer | None = None,
    *,
    usage: Usage | None = None,
    answered: bool | None = None,
) -> Record:
    """``usage`` goes before the answer's. ``answered`` is whether the log has an answer; None where it keeps none. One
    that is missing tells of a failure only where no status tells of the contrary."""
    dialect = dialect_of(body) if body is not None else None
    protocol = dialect.name if dialect is not None else ""
    if usage is None and answer is not None:
        usage = answer.usage
    at, began, ended = _times(told, answer)
    failed = (
        told.failed
        or (answer is not None and answer.failed)
        or (answered is False and usage is None and not told.succeeded)
    )
    return Record(
        place,
        _line(told, body or {}, answer, protocol),
        protocol,
        body if dialect is not None else None,
        at=at,
        began=began,
        ended=ended,
        usage=usage,
        failed=failed,
        answer=answer.digest if answer and not failed else b"",
        id=(answer.id if answer else "") or told.id,
    )


def _line(told: Told, body: Mapping[str, Json], answer: Answer | None, protocol: str) -> Line:
    asked = body.get("model")
    model = asked if isinstance(asked, str) and asked else told.text("model") or (answer.model if answer else "")
    if not told.any(_WHO):
        return _line_of(model, protocol, _session(body))
    session = told.text("session") or _session(body) or told.text("user")
    return _line_of(model, protocol, session, told.text("url"), told.text("provider"), told.space, told.text("app"))


@lru_cache(maxsize=4096)
def _line_of(
    model: str, protocol: str, session: str, url: str = "", provider: str = "", space: str = "", app: str = ""
) -> Line:
    """One for all calls that say the same."""
    return Line(provider_of(model, url, protocol, provider), model, space, app, session)


def _session(body: Mapping[str, Json]) -> str:
    """Of a body that says it of itself."""
    beside = body.get("metadata")
    if not isinstance(beside, dict):
        return ""
    said = Told(beside)
    user = said.text("user")
    return said.text("session") or (user.rpartition(_SESSION)[2] if _SESSION in user else "")


def _times(told: Told, answer: Answer | None) -> tuple[float | None, float | None, float | None]:
    """When it was sent, when its answer began, when it ended; what is not told follows from durations."""
    at = told.moment("at")
    if at is not None and not told.any(_LATER):
        return at, None, None
    began, ended = told.moment("began"), told.moment("ended")
    took, first = told.duration("took"), told.duration("first")
    if at is None and ended is not None and took is not None:
        at = ended - took
    if at is None:
        at = answer.at if answer else None
    if at is None:
        return None, began, ended
    if ended is None and took is not None:
        ended = at + took
    if began is None and first is not None:
        began = at + first
    return at, began, ended
