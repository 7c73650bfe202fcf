"""Bedrock's Converse: its blocks, and the points (``cachePoint``) among them at which what is cached ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_MOST: Final = 4
_KEY: Final = "cachePoint"


def in_blocks(message: Any) -> Any:
    """A message whose content is a text, with one block of it: Converse takes no texts."""
    content = message.get("content") if isinstance(message, Mapping) else None
    return {**message, "content": [{"text": content}]} if isinstance(content, str) else message


def pointed(body: dict[str, Any], spare: int) -> dict[str, Any]:
    """``body`` with points behind the conversation, static, session and tools, in this order of worth, as far as the
    caller's own leave room. ``spare``: blocks at the end of the last message that will not come again, and are left
    behind the point.

    A point behind the static text covers the tools too; those of models that are no Claude cannot have one.
    """
    own = [block[_KEY] for message in body["messages"] for block in _blocks(message) if _KEY in block]
    room = _MOST - len(own)
    long = any(isinstance(point, Mapping) and point.get("ttl") == "1h" for point in own)
    point = {_KEY: {"type": "default", "ttl": "1h"} if long else {"type": "default"}}
    out = dict(body)
    if room > 0 and (messages := _conversation(body["messages"], spare)):
        out["messages"], room = messages, room - 1
    texts = body.get("system", [])
    if texts:
        out["system"] = [b for n, text in enumerate(texts) for b in ((text, point) if n < room else (text,))]
    if room > len(texts) and body.get("toolConfig", {}).get("tools") and "claude" in body["modelId"]:
        out["toolConfig"] = {**body["toolConfig"], "tools": [*body["toolConfig"]["tools"], point]}
    return out


def _blocks(message: Any) -> list[dict[str, Any]]:
    content = message.get("content") if isinstance(message, Mapping) else None
    return [b for b in content if isinstance(b, dict)] if isinstance(content, list | tuple) else []


def _conversation(messages: list[Any], spare: int) -> list[Any] | None:
    """With a point behind the last message, before what is not to be cached; None if none can stand there."""
    if not messages:
        return None
    *others, message = messages
    blocks = _blocks(message)
    at = len(blocks) - spare
    if at < 1 or not _endable(blocks[at - 1]):
        return None
    blocks.insert(at, {_KEY: {"type": "default"}})
    return [*others, {**message, "content": blocks}]


def _endable(block: dict[str, Any]) -> bool:
    """Whether something can end with it: not reasoning, nor empty text, nor a point."""
    return not {_KEY, "reasoningContent"} & block.keys() and block.get("text") != ""
