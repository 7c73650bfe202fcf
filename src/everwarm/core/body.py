"""Bytes of a request body -> a JSON object, and whether it may be given a cache key.

One object has one meaning only if no key stands twice and no text is half a character. The fast path proves that
without looking at a single member; only where the proof fails is the body read again, slowly, to find the reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any, NamedTuple, NoReturn

import orjson

from everwarm.core.wire import Json
from everwarm.errors import BadRequest

EXACT_LIMIT = 2**53
"""From here on a float no longer tells whole numbers apart."""

WRITABLE = 250
"""Levels of nesting. Deeper ones orjson reads but does not write; a request has no use for a tenth of it."""


class Body(NamedTuple):
    """A parsed body. ``unkeyable`` says in words why no answer to it may be stored or reused; None if it may."""

    data: bytes
    value: dict[str, Json]
    unkeyable: str | None = None
    plain: bool = False  # whether ``data`` is, to the byte, what orjson writes of ``value``


def read(data: bytes) -> Body:
    """Parse ``data``, a JSON object. Raises ``BadRequest`` naming the place if it is not one."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _read_with_care(data)
    if type(value) is not dict:
        _not_an_object(value)
    try:
        again = orjson.dumps(value)
    except orjson.JSONEncodeError as e:  # it reads four times deeper than it writes
        raise _unreadable(RecursionError(e)) from None
    if again == data:  # what is written again as it was has lost nothing
        return Body(data, value, plain=True)
    return Body(data, value) if _surely_unique(data, again) else _read_with_care(data)


def read_exact(body: Body) -> dict[str, Json]:
    """The same object with every integer exact (orjson makes floats of those beyond 64 bits)."""
    value: dict[str, Json] = _mend(json.loads(body.data.decode("utf-8-sig")))
    return value


def _surely_unique(data: bytes, again: bytes) -> bool:
    r"""Whether no object in ``data`` names a key twice; ``again``: what was read, written. True is proof, False doubt.

    A parser drops all but the last of equal keys. The quotes are counted: with each key that is dropped go the two
    around it; other quotes are lost only when they were written as ``\u0022``. If neither happened, and only then,
    there are as many in what is written.
    """
    return (b"\\" not in data or b"\\u0022" not in data) and data.count(b'"') == again.count(b'"')


def _read_with_care(data: bytes) -> Body:
    twice: list[str] = []

    def pairs(members: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(members)
        if len(seen) != len(members):
            twice.append(_first_again(k for k, _ in members))
        return seen

    value = _parse(data, pairs)
    if type(value) is not dict:
        _not_an_object(value)
    whole = _mend(value)
    if twice:
        return Body(data, whole, f"{_named(twice[0])} stands twice in one object")
    if whole != value:
        return Body(data, whole, "half a surrogate pair stands in a text")
    return Body(data, value)


def _named(key: str) -> str:
    """The key, if it can stand in a header. A key may be of any length, and may be text of the client's."""
    return f"the key {key!r}" if key.isascii() and key.isprintable() and len(key) <= 40 else "a key"


def _first_again(names: Iterable[str]) -> str:
    """The first name that was there before."""
    before: set[str] = set()
    return next(n for n in names if n in before or before.add(n))  # type: ignore[func-returns-value]


def _parse(data: bytes, pairs: Any) -> Json:
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=pairs, parse_constant=_not_finite, parse_float=_finite)
    except UnicodeDecodeError as e:
        raise BadRequest(
            f"The body is not valid UTF-8: byte {e.start} cannot be decoded.", code="invalid_json"
        ) from None
    except json.JSONDecodeError as e:
        what = "is empty" if not data.strip() else f"is not valid JSON: {e.msg} at line {e.lineno} column {e.colno}"
        raise BadRequest(f"The body {what}. Send one JSON object.", code="invalid_json") from None
    except (RecursionError, ValueError) as e:  # ValueError: an integer of thousands of digits
        raise _unreadable(e) from None


def _unreadable(e: Exception) -> BadRequest:
    what = "is nested too deeply" if isinstance(e, RecursionError) else "holds a number with too many digits"
    return BadRequest(f"The body {what}.", code="invalid_json")


def _not_finite(word: str) -> NoReturn:
    raise BadRequest(f"The body holds {word}, which is not JSON. Send a finite number or null.", code="invalid_json")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise BadRequest(f"The body holds {text[:40]}, which is too large for a number.", code="invalid_json")
    return number


def _not_an_object(value: Json) -> NoReturn:
    kinds = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    raise BadRequest(f"The body is {kinds.get(type(value), 'a number')}. Send one JSON object.", code="invalid_json")


def _mend(value: Json, room: int = WRITABLE) -> Json:
    """The value with each half of a surrogate pair replaced by U+FFFD, so that it can be written as UTF-8."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if not room:
        raise _unreadable(RecursionError())
    if isinstance(value, dict):
        return {_mend(k): _mend(v, room - 1) for k, v in value.items()}
    if isinstance(value, list):
        return [_mend(v, room - 1) for v in value]
    return value
