"""What a JSON text means, whoever wrote it: one form for all its spellings. None where that is not beyond doubt."""

from __future__ import annotations

import json
import re
from typing import Final

import orjson

from everwarm.core.body import EXACT_LIMIT
from everwarm.core.plain import DEPTH, Inexact, plain
from everwarm.core.wire import Json
from everwarm.errors import BadRequest

_DIGITS: Final = 17
"""Significant digits that a float surely keeps apart from its neighbours; a number with more is more than a float."""

_ALIKE: Final = bytes.maketrans(b"-123456789,[", b"0000000000::")
_has_float: Final = re.compile(rb"\d[.e]").search  # or a text like one
_long_number: Final = re.compile(r"[\d.]{16,}").search


class _Doubtful(ValueError):
    """Two readers may take this JSON for two values."""


def meaning(text: str, value: Json = None) -> bytes | None:
    """The canonical form: keys sorted, whole floats as integers. Equal forms are proof of one meaning.

    None for what is no JSON, names a key twice, holds a number that some readers round, or is nested too deeply.
    ``value``: what ``text`` was written of just now, if it was: that need not be read again.
    """
    try:
        read = orjson.loads(text) if value is None else value
        form = orjson.dumps(read, option=orjson.OPT_SORT_KEYS)
        numbers = has_numbers(form)
        unique = value is not None or _is_unique(text, form)
        if not unique or (numbers and _long_number(text) is not None):
            read = _read_with_care(text)
        if numbers and _has_float(form):
            form = orjson.dumps(plain(read, DEPTH), option=orjson.OPT_SORT_KEYS)
        return form
    except (ValueError, RecursionError, Inexact, BadRequest, orjson.JSONEncodeError):
        return None  # the last: it is read deeper than it is written


def has_numbers(form: bytes) -> bool:
    """Whether a number is in this compact JSON. False is proof: one stands behind a colon, a comma, a bracket, or
    nothing. To make all of these alike, and all digits, is quicker than any regular expression."""
    alike = form.translate(_ALIKE)
    return b":0" in alike or alike.startswith(b"0")


def _is_unique(text: str, form: bytes) -> bool:
    r"""Whether surely no key stands twice in ``text``; ``form`` is what was read of it. A key that was dropped took two
    quotes with it, and others appear only where they were written as ``\u0022``."""
    return text.count('"') == form.count(b'"') and ("\\" not in text or "\\u0022" not in text)


def difference(one: str, other: str) -> str:
    """In what two texts of one meaning differ, in words."""
    return "another spelling" if _in_order(one) == _in_order(other) else "shuffled keys"


def _in_order(text: str) -> bytes:
    return orjson.dumps(plain(orjson.loads(text), 2 * DEPTH))  # orjson writes nothing that is deeper


def _unique(members: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(members)
    if len(value) != len(members):
        raise _Doubtful
    return value


def _integer(text: str) -> int:
    if len(text) > _DIGITS or abs(value := int(text)) > EXACT_LIMIT:
        raise _Doubtful
    return value


def _float(text: str) -> float:
    written = text.lower().partition("e")[0].replace(".", "").strip("-0")
    if len(written) > _DIGITS:
        raise _Doubtful
    return float(text)  # infinity, too, is beyond what ``plain`` takes


_read_with_care: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_integer, parse_float=_float
).decode  # what else it takes than JSON, orjson has refused before
