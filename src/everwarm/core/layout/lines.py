"""A parsed body as lines to read and to compare, in the order in which a model reads it: tools, system, messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import orjson

from everwarm.core.layout.piece import Path, name
from everwarm.core.wire import Json

ORDER: Final = ("tools", "instructions", "system", "messages", "input", "prompt")
"""Members that a model reads, in rendered order. What else a body has comes after them."""


def lines_of(value: Mapping[str, Json]) -> list[str]:
    """A line for each line of text, below one that says where it stands; other values as JSON, keys as they came."""
    members = [*(n for n in ORDER if n in value), *(n for n in value if n not in ORDER)]
    return [line for member in members for line in _lines((member,), value[member])]


def _lines(path: Path, value: Json) -> Iterator[str]:
    if isinstance(value, list) and value and path[0] in ORDER:
        for index, each in enumerate(value):
            yield from _lines((*path, index), each)
    elif isinstance(value, dict) and path[0] in ORDER and path[0] != "tools":
        yield from _message(path, value)
    else:
        yield _heading(path, "")
        yield from _text(value)


def _message(path: Path, value: Mapping[str, Json]) -> Iterator[str]:
    """A message or a part of one: its text apart from the rest, so that lines of text are compared."""
    role, rest = value.get("role", value.get("type")), dict(value)
    content = {key: rest.pop(key) for key in ("content", "text", "output") if _is_content(rest.get(key))}
    yield _heading(path, role if isinstance(role, str) else "")
    if rest.keys() - {"role", "type"}:
        yield from _text(rest)
    for key, inner in content.items():
        yield from _text(inner) if isinstance(inner, str) else _parts((*path, key), inner)


def _is_content(value: Json) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, dict) for each in value))


def _parts(path: Path, parts: Sequence[Json]) -> Iterator[str]:
    for index, part in enumerate(parts):
        yield from _lines((*path, index), part)


def _heading(path: Path, role: str) -> str:
    return f"── {name(path)}{' ' * bool(role)}{role}"


def _text(value: Json) -> Iterator[str]:
    """The lines of a text; any other value as one line of JSON."""
    if isinstance(value, str):
        yield from value.split("\n")
    else:
        yield orjson.dumps(value).decode()
