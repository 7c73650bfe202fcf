"""Dates and times of day in Japanese forms.

Each is found by its unit in the middle (月, 時), for which the text is scanned fast; then one looks to both sides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from everwarm.core.layout.western import Part

_NUMBER: Final = "[0-9０-９]{1,2}"
_LONGEST: Final = 16
"""Characters before the unit that may belong to it."""

_DAY: Final = re.compile(rf"月[ ]?{_NUMBER}日(?:[ ]?[（(][月火水木金土日](?:曜日?)?[）)]|[ ]?[月火水木金土日]曜日?)?")
_YEAR: Final = re.compile(rf"(?:(?:[0-9０-９]{{4}}|(?:令和|平成|昭和)[ ]?(?:{_NUMBER}|元))年[ ]?)?{_NUMBER}\Z")
_HOUR: Final = re.compile(rf"時(?!間)(?:(?P<minutes>[ ]?{_NUMBER}分(?:[ ]?{_NUMBER}秒)?)|半)?")
_HALF: Final = re.compile(rf"(?P<half>午[前後][ ]?)?(?<![0-9０-９]){_NUMBER}\Z")
_COLON: Final = re.compile(r"午[前後][ ]?[0-9]{1,2}:[0-5][0-9]")


def parts(text: str) -> Iterator[Part]:
    """Dates and times in ``text``, each by itself."""
    for m in _DAY.finditer(text):
        before = _YEAR.search(text, max(0, m.start() - _LONGEST), m.start())
        if before is not None:
            yield Part(before.start(), m.end(), True, False, True)
    for m in _HOUR.finditer(text):
        before = _HALF.search(text, max(0, m.start() - _LONGEST), m.start())
        if before is not None:
            sure = before["half"] is not None or m["minutes"] is not None
            yield Part(before.start(), m.end(), False, True, sure)
    for m in _COLON.finditer(text):
        yield Part(m.start(), m.end(), False, True, True)
