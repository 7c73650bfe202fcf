"""What a parser of requests asks of a JSON value, with an error that names the place and never repeats text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from everwarm.core.wire import Json
from everwarm.errors import BadRequest

T = TypeVar("T")


def wrong(path: str, wanted: str, found: Json) -> BadRequest:
    """An error that names the place and the kind of what was found. It never repeats text, which may be a prompt."""
    if found is None:
        return BadRequest(f"{path} is missing: it must be {wanted}.", param=path, code="missing_required_parameter")
    kinds = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    what = kinds.get(type(found)) or f"{found}"[:40]
    return BadRequest(f"{path} is {what}, but must be {wanted}.", param=path)


def number(value: Json, path: str, low: float, high: float) -> float:
    """A number within bounds."""
    if type(value) not in (int, float) or not low <= value <= high:
        raise wrong(path, f"a number from {low:g} to {high:g}", value)
    return float(value)


def whole(value: Json, path: str, low: int, high: int) -> int:
    """A whole number within bounds; ``1.0`` is one."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not low <= value <= high:
        raise wrong(path, f"a whole number from {low} to {high}", value)
    return value


def many(value: Json, path: str, item: Callable[[Json, str], T]) -> tuple[T, ...]:
    """An array, each of it read by ``item`` with its own path."""
    if type(value) is not list:
        raise wrong(path, "an array", value)
    return tuple(item(v, f"{path}[{i}]") for i, v in enumerate(value))


def mapping(value: Json, path: str) -> dict[str, Any]:
    """An object."""
    if type(value) is not dict:
        raise wrong(path, "an object", value)
    return value


def string(value: Json, path: str) -> str:
    """A string."""
    if type(value) is not str:
        raise wrong(path, "a string", value)
    return value


def model(value: Json) -> str:
    """The member ``model``."""
    if type(value) is not str or not value:
        raise wrong("model", "the name of a model, as a string", value)
    return value


def flag(value: Json, path: str) -> bool:
    """A boolean that may be absent or null."""
    if value is not None and type(value) is not bool:
        raise wrong(path, "true or false", value)
    return value is True
