"""JSON values in one spelling: what every canonical form is built from.

Whole floats become integers below 2**53; the order of keys counts only below ``properties`` (see ``ordered``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from everwarm.core.body import EXACT_LIMIT
from everwarm.core.wire import Json
from everwarm.errors import BadRequest

DEPTH: Final = 128
"""How deeply a body may be nested. Real JSON schemas stay below 30."""

Plain = Callable[[Json, int], Json]
"""``plain`` or ``exact``: the value in one spelling, at most so many levels deep."""


class Inexact(Exception):
    """A float so large that it may have been a different integer in the body. Never leaves the core."""


def plain(value: Json, room: int) -> Json:
    """The value with whole floats as integers; itself, no copy, where there are none. At most ``room`` levels deep."""
    kind = type(value)
    if kind is dict:
        return _members(value, value.items(), room)
    if kind is list:
        return _members(value, enumerate(value), room)
    if kind is float:
        if value >= EXACT_LIMIT or value <= -EXACT_LIMIT:
            raise Inexact
        return int(value) if value.is_integer() else value
    return value


def _members(value: Json, members: Iterable[tuple[Any, Json]], room: int) -> Json:
    if not room:
        raise _too_deep()
    changed = {}
    for name, old in members:
        kind = type(old)
        if kind is str or kind is int:  # most are, and this is the hot path
            continue
        new = plain(old, room - 1)
        if new is not old:
            changed[name] = new
    if not changed:
        return value
    copy = value.copy()
    for name, new in changed.items():
        copy[name] = new
    return copy


def exact(value: Json, room: int) -> Json:
    """As ``plain``, for a body that was read with exact integers: large floats stay what they are."""
    if isinstance(value, dict | list) and not room:
        raise _too_deep()
    if isinstance(value, dict):
        return {k: exact(v, room - 1) for k, v in value.items()}
    if isinstance(value, list):
        return [exact(v, room - 1) for v in value]
    if isinstance(value, float) and abs(value) < EXACT_LIMIT and value.is_integer():
        return int(value)
    return value


def _too_deep() -> BadRequest:
    return BadRequest(f"The body is nested more than {DEPTH} levels deep.", code="invalid_json")


def ordered(value: Json) -> Json:
    """The value with every object below a key ``properties`` as a list of pairs, which sorting leaves in order.

    The list stands in an object of its own, so that no client can write the same form by hand: an object there always
    becomes ``{"ordered": [...]}``, and an array never does.
    """
    kind = type(value)
    if kind is not dict:
        return [ordered(v) for v in value] if kind is list else value
    return {k: _pairs(v) if k == "properties" and type(v) is dict else ordered(v) for k, v in value.items()}


def _pairs(value: dict[str, Json]) -> dict[str, Json]:
    return {"ordered": [[k, ordered(v)] for k, v in value.items()]}
