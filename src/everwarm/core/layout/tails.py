"""Text put behind a message, as each protocol has it: to its last text, or as a message of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from everwarm.core.layout.splice import Edit
from everwarm.core.wire import Json

BETWEEN: Final = "\n\n"


def tails(dialect: str, value: Mapping[str, Json], texts: Sequence[tuple[int, str]]) -> list[Edit]:
    """Edits that put each text behind the message of its number. In the order of the messages."""
    edits: list[Edit] = []
    for message, text in texts:
        edits += _TAILS[dialect](value, message, text)
    return edits


def has_tails(dialect: str, value: Mapping[str, Json], messages: Iterable[int]) -> bool:
    """Whether text can be put behind each of these messages: a client may send any JSON in their place."""
    items = value.get("input" if dialect == "openai_responses" else "messages")
    if isinstance(items, str):
        return dialect == "openai_responses"
    return isinstance(items, list) and all(_is_open(dialect, items[message]) for message in messages)


def _is_open(dialect: str, message: Json) -> bool:
    if not isinstance(message, dict):
        return False
    if dialect != "anthropic_messages" and message.get("role") != "user":
        return True  # a message of its own goes behind it
    return isinstance(message.get("content"), str | list)


def _chat(value: Mapping[str, Json], message: int, text: str) -> Iterator[Edit]:
    if value["messages"][message].get("role") == "user":
        yield _behind(("messages", message, "content"), value["messages"][message].get("content"), text, "text")
    else:  # a tool's result stays as it is
        yield Edit(("messages", message + 1), "before", {"role": "user", "content": text})


def _responses(value: Mapping[str, Json], message: int, text: str) -> Iterator[Edit]:
    items = value["input"]
    if isinstance(items, str):
        yield Edit(("input",), "replace", items + BETWEEN + text)
    elif items[message].get("role") == "user":
        yield _behind(("input", message, "content"), items[message].get("content"), text, "input_text")
    else:
        yield Edit(("input", message + 1), "before", {"role": "user", "content": text})


def _anthropic(value: Mapping[str, Json], message: int, text: str) -> Iterator[Edit]:
    yield _behind(("messages", message, "content"), value["messages"][message].get("content"), text, "text")


def _behind(path: tuple[str | int, ...], content: Json, text: str, kind: str) -> Edit:
    if isinstance(content, str):
        return Edit(path, "replace", content + BETWEEN + text)
    return Edit(path, "append", {"type": kind, "text": text})


_TAILS: Final[Mapping[str, Callable[[Mapping[str, Json], int, str], Iterator[Edit]]]] = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic_messages": _anthropic,
}

DIALECTS: Final = frozenset(_TAILS)
"""Protocols with turns."""
