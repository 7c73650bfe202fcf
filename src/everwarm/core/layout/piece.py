"""A request as a row of pieces in rendered order: tools, system, messages, as the model reads them."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Path = tuple[str | int, ...]
"""Where a value stands in a body: names of members and places in arrays, such as ("messages", 0, "content")."""

Tier = Literal["tools", "system", "messages"]
"""In this order they are rendered. ``system``: also system and developer messages that stand before all others."""

Kind = Literal["text", "arguments", "result", "definition", "opaque"]
"""text: prose that the application wrote, or a person, or the model. arguments: of a tool call, JSON in a string.
result: of a tool. definition: one tool, a JSON value. opaque: whatever else (images, reasoning, signed content)."""


class Piece(NamedTuple):
    """One stretch of what the model reads."""

    path: Path  # of the string in the body; of the JSON value for a definition and for what is opaque
    tier: Tier
    role: str  # "tools", "system", "developer", "user", "assistant", "tool"; another as the body has it
    kind: Kind
    text: str  # for a definition and for what is opaque: its JSON, compact, keys in the order in which they came
    message: int  # which of the messages (or input items) it belongs to, from 0; -1 where to none


made: Final = tuple.__new__
"""``made(Piece, (path, ...))`` is ``Piece(path, ...)`` in a third of the time; so for all named tuples."""


def name(path: Path) -> str:
    """A path as people write it: ``messages[0].content[1].text``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
