"""Anthropic's marks (``cache_control``): where the four that are allowed do most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_MOST: Final = 4
_KEY: Final = "cache_control"


def marked(body: dict[str, Any], spare: int) -> dict[str, Any]:
    """``body`` with marks at the ends of the conversation, static, session and tools, in this order of worth, as far as
    the caller's own leave room. ``spare``: blocks at the end of the last message that will not come again, and are left
    behind the mark.

    A mark on the static text covers the tools too, so theirs goes first where room is short.
    """
    own = list(_own(body))
    room = _MOST - len(own)
    mark = {"type": "ephemeral", "ttl": "1h"} if any(m.get("ttl") == "1h" for m in own) else {"type": "ephemeral"}
    out = dict(body)
    if room > 0 and _KEY not in body and (messages := _conversation(body["messages"], spare)):
        out["messages"], room = messages, room - 1
    system = list(body.get("system", ()))
    for index in range(min(len(system), room)):
        system[index] = {**system[index], _KEY: mark}
    room -= len(system)
    if system:
        out["system"] = system
    if room > 0 and body.get("tools"):
        *others, end = body["tools"]
        out["tools"] = [*others, end if _KEY in end else {**end, _KEY: mark}]
    return out


def _own(body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The caller's marks. One beside the messages, which marks the end by itself, counts as one."""
    places: list[Any] = [body, *body.get("tools", ())]
    for message in body["messages"]:
        places += _blocks(message)
        for block in _blocks(message):
            places += _blocks(block)
    yield from (p[_KEY] for p in places if isinstance(p, Mapping) and isinstance(p.get(_KEY), dict))


def _blocks(holder: Any) -> list[Any]:
    content = holder.get("content") if isinstance(holder, Mapping) else None
    return list(content) if isinstance(content, list | tuple) else []


def _conversation(messages: list[Any], spare: int) -> list[Any] | None:
    """With a mark at the end of the last message, before what is not to be cached; None if none can stand there."""
    if not messages or not isinstance(messages[-1], Mapping):
        return None
    *others, message = messages
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) and content else _blocks(message)
    at = len(blocks) - 1 - spare
    if at < 0 or not _markable(blocks[at]):
        return None
    blocks[at] = {**blocks[at], _KEY: {"type": "ephemeral"}}
    return [*others, {**message, "content": blocks}]


def _markable(block: Any) -> bool:
    """Reasoning cannot be marked, nor can empty text; what the SDK made an object of is not ours to change."""
    if not isinstance(block, dict) or _KEY in block:
        return False
    return block.get("type") not in {"thinking", "redacted_thinking"} and block.get("text") != ""
