"""The newest user turn, with what changes at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from everwarm.errors import PromptError
from everwarm.prompt.part import Part
from everwarm.prompt.plain import row_of


class Turns(NamedTuple):
    """A conversation as it is sent."""

    messages: list[Any]
    spare: int = 0  # blocks at its very end that the caller does not have


def with_newest(messages: Iterable[Any], blocks: Sequence[Part], *, parts: bool = False) -> Turns:
    """``messages`` with the blocks at the newest user turn, or in one of their own where no user speaks; all others are
    the caller's very objects. ``parts``: what is added is a block by itself also behind content that is a text.
    """
    row = row_of(messages, "messages")
    if row and isinstance(row[0], Mapping) and row[0].get("role") in {"system", "developer"}:
        raise PromptError(
            "messages[0] is a system message. Its text belongs into .static(...), or into .session(...) if it differs"
            " between conversations: the prompt writes the system message itself.",
            param="messages[0]",
        )
    at = newest(row)
    if at is None:
        at = len(row)
        row += [{"role": "user", "content": ""}] if blocks else []
    if not blocks:
        return Turns(row)
    before = _in_parts(row[at]) if parts else row[at]
    row[at] = with_blocks(before, blocks)
    grown = row[at] != before
    return Turns(row, int(grown and at == len(row) - 1))


def newest(messages: Sequence[Any]) -> int | None:
    """The place of the newest message in which the user speaks; None if there is none. One that holds nothing but
    results of tools is a step of an older turn."""
    places = (i for i in range(len(messages) - 1, -1, -1) if _speaks(messages[i]))
    return next(places, None)


def with_blocks(message: Mapping[str, Any], blocks: Iterable[Part]) -> dict[str, Any]:
    """A copy of a user message with the blocks at its end. A block whose name it has already is left out: what was
    sent once stays as it is."""
    content = message.get("content", "")
    text = content if isinstance(content, str) else "\n".join(_texts(content))
    new = [p.block for p in blocks if not _holds(text, p.name)]
    return {**message, "content": _appended(content, "\n".join(new))} if new else dict(message)


def _in_parts(message: Mapping[str, Any]) -> Mapping[str, Any]:
    content = message.get("content")
    return (
        {**message, "content": [{"type": "text", "text": content}]} if isinstance(content, str) and content else message
    )


def _appended(content: Any, text: str) -> Any:
    if isinstance(content, str):
        return f"{content}\n\n{text}" if content else text
    kinds = {str(p.get("type", "")) for p in content if isinstance(p, dict)}
    if kinds == {""}:  # Converse's blocks have no type
        return [*content, {"text": text}]
    ours = any(kind.startswith("input_") for kind in kinds)
    return [*content, {"type": "input_text" if ours else "text", "text": text}]


def _holds(text: str, name: str) -> bool:
    return f'<context name="{name}">' in text


def _texts(content: Iterable[Any]) -> Iterable[str]:
    return (str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)


def _speaks(message: Any) -> bool:
    if not isinstance(message, Mapping) or message.get("role") != "user":
        return False
    content = message.get("content")
    parts = content if isinstance(content, list | tuple) else ()
    return not parts or any(not isinstance(p, dict) or not _gave(p) for p in parts)


def _gave(part: Mapping[str, Any]) -> bool:
    """Whether it is what a tool gave, in Messages or in Converse."""
    return part.get("type") == "tool_result" or "toolResult" in part
