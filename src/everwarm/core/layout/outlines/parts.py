"""What all protocols' outlines are made of."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from everwarm.core.layout.compact import compact
from everwarm.core.layout.piece import Kind, Path, Piece, Tier, made
from everwarm.core.wire import Json

MARK: Final = "cache_control"
"""Where a provider's cache begins; no model reads it."""

LEADING: Final = frozenset({"system", "developer"})
"""Roles of the messages that count as system text where nothing else stands before them."""


class Place:
    """Where pieces are being found, and the row that they are put in."""

    __slots__ = ("message", "pieces", "role", "tier")

    def __init__(self, pieces: list[Piece], tier: Tier, role: str, message: int = -1) -> None:
        self.pieces = pieces
        self.tier = tier
        self.role = role
        self.message = message

    def text(self, path: Path, text: str, kind: Kind = "text") -> None:
        """A string that stands at ``path``."""
        self.pieces.append(made(Piece, (path, self.tier, self.role, kind, text, self.message)))

    def opaque(self, path: Path, value: Json) -> None:
        """Any value that stands at ``path``. Null is nothing."""
        if value is not None:
            text = compact(value).decode()
            self.pieces.append(made(Piece, (path, self.tier, self.role, "opaque", text, self.message)))

    def string(self, path: Path, value: Json, kind: Kind) -> None:
        """A string as its text; any other value as it is."""
        if type(value) is str:
            self.text(path, value, kind)
        else:
            self.opaque(path, value)

    def others(self, path: Path, value: dict[str, Json], known: frozenset[str]) -> None:
        """The members that are not ``known``, whatever they are."""
        if value.keys() <= known:
            return
        for name, member in value.items():
            if name not in known:
                self.opaque((*path, name), member)

    def content(self, path: Path, content: Json, texts: Collection[str], kind: Kind = "text") -> None:
        """A string, or a list of parts: those of a type in ``texts`` hold text."""
        if type(content) is str:
            self.text(path, content, kind)
        elif type(content) is list:
            for i, part in enumerate(content):
                self.part((*path, i), part, texts, kind)
        else:
            self.opaque(path, content)

    def part(self, path: Path, part: Json, texts: Collection[str], kind: Kind = "text") -> None:
        """One part of a content."""
        if type(part) is not dict or not one_of(part.get("type"), texts) or type(part.get("text")) is not str:
            self.opaque(path, part)
            return
        self.text((*path, "text"), part["text"], kind)
        if len(part) > 2:
            self.others(path, part, _TEXT_PART)


_TEXT_PART: Final = frozenset({"type", "text", MARK})


def definitions(pieces: list[Piece], member: str, tools: Json) -> None:
    """The tools that stand in ``member`` of the body."""
    if type(tools) is not list:
        Place(pieces, "tools", "tools").opaque((member,), tools)
        return
    for i, tool in enumerate(tools):
        pieces.append(Piece((member, i), "tools", "tools", "definition", compact(tool).decode(), -1))


def one_of(value: Json, names: Collection[str]) -> bool:
    """Whether it is one of the names; anything but a string is none."""
    return type(value) is str and value in names


def role_of(message: Json, otherwise: str = "") -> str:
    """What the message calls its role."""
    role = message.get("role") if type(message) is dict else None
    return role if type(role) is str else otherwise
