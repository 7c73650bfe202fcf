"""What lines of JSON tell, read with care: each may be broken, cut off, or by another version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import orjson

from everwarm.analyze.formats.format import Lines
from everwarm.analyze.reading.files import sample
from everwarm.analyze.reading.providers import provider_of
from everwarm.analyze.reading.record import Unread
from everwarm.core.analysis.call import Place
from everwarm.core.wire import Json

_END: Final = 1e11  # seconds: some 3,000 years

PROVIDERS: Final[Mapping[str, str]] = {
    "amazon-bedrock": "bedrock",
    "azure": "openai",
    "google": "gemini",
    "google-vertex": "gemini",
    "google-vertex-anthropic": "anthropic",
    "openai-codex": "openai",
}
"""What agents call a provider, and the rules' name for it, where it is another one."""


_UNTOLD: Final = frozenset(("", "codex", "custom", "everwarm", "litellm", "proxy"))
"""What users call a provider whose name says nothing, or names what stands in front of it."""


def provider(name: str, model: str = "") -> str:
    """As the rules call it. Where its name says nothing, most likely what is behind it is the maker of the model."""
    return (name in _UNTOLD and provider_of(model)) or PROVIDERS.get(name, name)


def objects(lines: Lines) -> Iterator[tuple[int, dict[str, Json]] | Unread]:
    """The JSON object in each line, with its number."""
    for number, line in lines.numbered():
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield unread(lines.name, number, f"it is no JSON: {error}", line)
            continue
        if type(value) is dict:
            yield number, value
        else:
            yield unread(lines.name, number, "it is JSON, but no object", line)


def heads(head: Iterable[bytes]) -> list[dict[str, Json]]:
    """The JSON objects among the first lines of a file."""
    found = []
    for line in map(bytes.strip, head):
        if not (line.startswith(b"{") and line.endswith(b"}")):
            continue  # of an indented file these are nearly all: to parse them takes long
        with suppress(orjson.JSONDecodeError):
            found.append(orjson.loads(line))
    return found


def unread(file: str, line: int, why: str, data: bytes) -> Unread:
    """A line in which no call was found."""
    return Unread(Place(file, line), why, sample(data))


def broken(file: str, line: int, why: str, value: Json) -> Unread:
    """The same, of one that was parsed."""
    return unread(file, line, why, orjson.dumps(value))


def text(value: Json, name: str) -> str:
    """The member, if it is a string; else ""."""
    found = value.get(name) if type(value) is dict else None
    return found if type(found) is str else ""


def part(value: Json, name: str) -> dict[str, Json]:
    """The member, if it is an object; else an empty one."""
    found = value.get(name) if type(value) is dict else None
    return found if type(found) is dict else {}


def rows(value: Json, name: str) -> list[Json]:
    """The member, if it is a list; else an empty one."""
    found = value.get(name) if type(value) is dict else None
    return found if type(found) is list else []


def seconds(value: Json) -> float | None:
    """Since 1970, of a moment in ISO 8601 (without a zone: UTC) or in milliseconds; None if it is neither, or in no
    time of which there are logs."""
    if type(value) is str:
        try:
            moment = datetime.fromisoformat(value)
            found = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    elif type(value) in (int, float):
        found = value / 1000
    else:
        return None
    return found if 0 <= found < _END else None
