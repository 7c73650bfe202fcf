"""Dates and times of day, whole: "Wednesday, November 25, 2026 at 10:03 PM UTC" is one.

Parts are found first, in Western and in Japanese forms; here they are joined with each other, and with the day of the
week, the zone and the year beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from everwarm.core.layout import japanese, western
from everwarm.core.layout.span import Span
from everwarm.core.layout.western import Part

_NEAR: Final = 24
"""Characters beside a date or a time that are looked at."""

_WEEKDAY: Final = r"(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs?)?|Fri|Sat(?:ur)?|Sun)(?:day)?(?![A-Za-z])"
_WEEKDAY_BEFORE: Final = re.compile(rf"(?<![A-Za-z]){_WEEKDAY}\.?,?[ ]?(?:the[ ])?\Z")
_BEHIND_DATE: Final = re.compile(rf",?[ ]\(?{_WEEKDAY}\)?|[ ]?[（(][月火水木金土日](?:曜日?)?[）)]")
_BEHIND_TIME: Final = re.compile(
    r"(?:[ ]?\(?[A-Z][a-z]+/[A-Z][A-Za-z_]+\)?|[ ]?\([A-Z]{2,5}(?:[+-][0-9:]{1,5})?\))?"
    r"(?:[ ](?:19|20)[0-9]{2}(?![0-9A-Za-z-]))?"
)
_GLUE: Final = re.compile(r"T|[ ]?(?:,|at|on|um|の|[-–—|@•(])?[ ]?|,[ ]at[ ]")
_TODAY: Final = re.compile(rf"oday is ({_WEEKDAY})")
_TELLING: Final = re.compile(r"(?:\b(?:time|now|clock|it is|it's|as of)\b|時刻|現在|日時)[^.\n]{0,12}\Z", re.IGNORECASE)
_TO: Final = r"[ ]?(?:-|–|—|~|〜|～|から|to|and|until|till)[ ]?"
_RANGE_BEFORE: Final = re.compile(rf"[0-9mM時分半.]{_TO}\Z")
_RANGE_BEHIND: Final = re.compile(rf"{_TO}[0-9午翌]")


def spans(text: str) -> Iterator[Span]:
    """Dates and times in ``text``. In no order, and some may overlap."""
    parts = list(western.parts(text))
    if not text.isascii():
        parts += japanese.parts(text)
    for whole in _join(text, [_dress(text, part) for part in sorted(parts)]):
        if whole.date or _tells_time(text, whole):
            yield Span(whole.start, whole.end, "a clock" if whole.time else "a date")
    for m in _TODAY.finditer(text) if "oday is " in text else ():
        yield Span(m.start(1), m.end(1), "a date")


def _join(text: str, parts: list[Part]) -> list[Part]:
    """The parts, with each date and time that stand beside each other made one. They come in order."""
    wholes: list[Part] = []
    for part in parts:
        if wholes and _belong(text, wholes[-1], part):
            wholes[-1] = Part(wholes[-1].start, max(wholes[-1].end, part.end), True, True, True)
        else:
            wholes.append(part)
    return wholes


def _belong(text: str, one: Part, other: Part) -> bool:
    if (one.date and other.date) or (one.time and other.time):
        return False
    return other.start < one.end or _GLUE.fullmatch(text, one.end, other.start) is not None


def _dress(text: str, part: Part) -> Part:
    """With the day of the week beside it; behind a time also a zone, and the year where ``date`` puts it."""
    before = _WEEKDAY_BEFORE.search(text, max(0, part.start - _NEAR), part.start)
    behind = (_BEHIND_TIME if part.time else _BEHIND_DATE).match(text, part.end)
    start = part.start if before is None else before.start()
    end = part.end if behind is None else behind.end()
    return Part(start, end, part.date, part.time, part.sure or before is not None)


def _tells_time(text: str, part: Part) -> bool:
    """Whether a time without a date is the time of something that goes on, and not "from 9:00 to 17:00"."""
    near = max(0, part.start - _NEAR)
    if _RANGE_BEFORE.search(text, near, part.start) or _RANGE_BEHIND.match(text, part.end):
        return False
    return part.sure or _TELLING.search(text, near, part.start) is not None
