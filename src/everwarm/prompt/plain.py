"""What a prompt may be made of: JSON values whose order is the same in every process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from everwarm.errors import PromptError


def refuse_unordered(value: object, where: str) -> None:
    """Raises ``PromptError`` with the place of the first set in ``value``. Objects of an SDK are left alone."""
    for place, found in _walk(value, where):
        if isinstance(found, set | frozenset):
            raise PromptError(
                f"{place} is a {type(found).__name__}: its order changes from process to process, and with it the"
                " prompt. Give a list, such as sorted(...).",
                param=place,
            )


def refuse_unwritable(value: object, where: str) -> None:
    """Raises ``PromptError`` with the place of the first value that JSON cannot say, sets among them."""
    refuse_unordered(value, where)
    for place, found in _walk(value, where):
        if not isinstance(found, dict | list | tuple | str | int | float | bool | None):
            what = type(found).__name__
            raise PromptError(f"{place} is of the type {what}, which JSON has not. Write it as text.", param=place)
        if isinstance(found, dict) and not all(isinstance(key, str) for key in found):
            raise PromptError(f"{place} has a key that is no text, which JSON has not.", param=place)


def text_of(value: object, where: str) -> str:
    """``value``, which must be a text."""
    if not isinstance(value, str):
        raise PromptError(f"{where} takes a text; found a value of the type {type(value).__name__}.", param=where)
    return value


def row_of(value: Iterable[Any], where: str) -> list[Any]:
    """``value`` as a list; it must be a row in some order, and no text."""
    if isinstance(value, str | bytes | dict) or not isinstance(value, Iterable):
        raise PromptError(f"{where} must be a list; found a value of the type {type(value).__name__}.", param=where)
    refuse_unordered(value, where)
    row = list(value)
    refuse_unordered(row, where)
    return row


def _walk(value: object, where: str) -> Iterator[tuple[str, object]]:
    """Every value in ``value``, itself first, with its place."""
    yield where, value
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _walk(member, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            yield from _walk(member, f"{where}[{index}]")
