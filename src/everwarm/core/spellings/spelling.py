"""What sets one protocol's canonical form apart from plain sorted JSON; and the pieces that several need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from everwarm.core.plain import Plain
from everwarm.core.wire import Json


class Spelling(NamedTuple):
    """``members`` writes a top-level member in its one spelling; it must not change what it is given."""

    volatile: Mapping[str, str]  # path -> why it is left out; a path covers everything below it
    renamed: tuple[str, ...] = ()  # paths of ids that count only by which are equal; [message]: in items of that type
    members: Mapping[str, Callable[[Json, Plain], Json]] = {}
    defaults: Mapping[str, Callable[[Json], bool]] = {}  # member -> whether this value says what absence says


def is_one(value: Json) -> bool:
    """``n: 1``, after ``plain``."""
    return type(value) is int and value == 1


def is_empty(value: Json) -> bool:
    """Null or ``{}``."""
    return value is None or value == {}


def text_alone(content: Json, kind: str) -> Json:
    """The text of a content that is one part of this kind and nothing else; any other content as it is."""
    if type(content) is not list or len(content) != 1:
        return content
    part = content[0]
    if type(part) is dict and len(part) == 2 and part.get("type") == kind and type(part.get("text")) is str:
        return part["text"]
    return content


def one_text_or_tokens(value: Json) -> Json:
    """Texts as completions and embeddings take them: a list of exactly one text, or of one list of token ids, as that.

    A list of numbers is one text already.
    """
    if type(value) is not list or len(value) != 1:
        return value
    (only,) = value
    return only if type(only) is str or is_tokens(only) else value


def is_tokens(value: Json) -> bool:
    """Whether it is a text in token ids."""
    return type(value) is list and bool(value) and all(type(token) is int for token in value)


def is_text(message: Json) -> bool:
    """Whether it is a role and a text and nothing else, as most are: then it is its own canonical form."""
    return (
        type(message) is dict
        and len(message) == 2
        and type(message.get("content")) is str
        and type(message.get("role")) is str
    )


class Renamer:
    """Ids -> ``#0``, ``#1`` ... in the order of first appearance. One for each request."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def __call__(self, old: Json) -> Json:
        """The new name of an id; anything but a text stays as it is."""
        return self._names.setdefault(old, f"#{len(self._names)}") if type(old) is str else old
