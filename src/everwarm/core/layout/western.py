"""Dates and times of day in Western forms: ISO 8601, with slashes or dots, with English names of months.

The patterns begin with one set of characters and look back only behind the first: so a search runs at the speed of a
scan. Nothing in them repeats without a bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple


class Part(NamedTuple):
    """A date, a time, or both."""

    start: int
    end: int
    date: bool
    time: bool
    sure: bool  # whether it is one by its form alone; a bare "10:03" is one only where somebody tells the time


_MONTH_NAME: Final = re.compile(
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?",
    re.IGNORECASE,
)
_ZONE: Final = r"""(?:[ ]?(?:Z|UTC|GMT|[ECMP][SD]T|CES?T|BST|[IJKM]ST|AE[SD]T|EES?T|WES?T|MSK|SGT|HKT)(?![0-9A-Za-z])
    (?:[ ]?[+-][0-9]{1,2}(?::?[0-9]{2})?)?)"""
_OFFSET: Final = r"(?:[ ]?[+-](?:0[0-9]|1[0-4]):?(?:00|15|30|45)(?![0-9:]))"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_DAY: Final = r"(?:0?[1-9]|[12][0-9]|3[01])"
_ENDS: Final = r"(?![0-9A-SU-Za-z_]|[-/.:][0-9A-Za-z])"  # a T may follow: what comes then is a time

_NUMERIC: Final = re.compile(
    rf"""[0-9](?<![0-9A-SU-Za-z_.:/-][0-9])(?:
      (?P<date>
          [0-9]{{3}} (?P<big>[-/.]) {_MONTH} (?P=big) {_DAY} {_ENDS}
        | [0-9]? (?P<small>[-/.]) {_DAY} (?P=small) (?:19|20)[0-9]{{2}} {_ENDS}
        | [0-9]/[0-9]{{2}}/[0-9]{{2}} {_ENDS}
        | [0-9]?(?:st|nd|rd|th|\.)? [ -] (?:of[ ])? (?P<month>[JFMASOND][A-Za-z]{{2,8}})
          \.? (?:,?[ -](?:19|20)[0-9]{{2}})? (?![0-9A-Za-z]))
      | (?P<both> [0-9]{{7}}T[0-9]{{4}}(?:[0-9]{{2}})?(?:Z|[+-][0-9]{{4}})? (?![0-9A-Za-z]))
      | (?P<time> [0-9]?:[0-5][0-9] (?P<seconds>:[0-5][0-9](?:[.,][0-9]{{1,9}})?)?
          (?P<half>[ ]?[AaPp](?:[Mm](?![A-Za-z])|\.[Mm]\.))?
          (?P<zone>{_ZONE}|(?(seconds){_OFFSET}|[ ]{_OFFSET}))? (?![0-9A-Za-z:]|[.][0-9]))
      | (?P<hour> [0-9]?[ ]?(?:[AaPp][Mm]|[ap]\.m\.) (?![A-Za-z]) {_ZONE}?)
      | (?P<behind> (?<=[A-Za-z.][ ][0-9])[0-9]? (?:st|nd|rd|th)? (?:,?[ ](?:19|20)[0-9]{{2}})?
          (?![0-9A-Za-z]|[.:,/-][0-9]))
    )""",
    re.VERBOSE,
)
_WORD_BEFORE: Final = re.compile(r"\A.*[^A-Za-z.]", re.DOTALL)  # all but the last word
_LONGEST: Final = len("September. ") + 1
"""Characters before the day that may hold a name of a month, and one more."""


def parts(text: str) -> Iterator[Part]:
    """Dates and times in ``text``, each by itself, in order."""
    for m in _NUMERIC.finditer(text):
        if m["behind"] is not None:
            name = _month_before(text, m.start())
            if name:
                yield Part(m.start() - name, m.end(), True, False, True)
        elif m["month"] is None or _MONTH_NAME.fullmatch(m["month"]):
            date, both = m["date"] is not None, m["both"] is not None
            sure = not m["hour"] and (m["time"] is None or any(m.group("seconds", "half", "zone")))
            yield Part(m.start(), m.end(), date or both, not date, sure)


def _month_before(text: str, end: int) -> int:
    """How many characters before ``end`` are the name of a month and a blank; 0 if there is no such name."""
    near = text[max(0, end - _LONGEST) : end]
    word = _WORD_BEFORE.sub("", near[:-1])
    return len(word) + 1 if word[0].isupper() and _MONTH_NAME.fullmatch(word) else 0
