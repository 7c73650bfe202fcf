"""Anthropic Messages. Source: Claude API reference, "Create a Message", as of November 2026."""

from __future__ import annotations

from typing import Final

from everwarm.core.plain import DEPTH, Plain, ordered
from everwarm.core.spellings.spelling import Renamer, Spelling, text_alone
from everwarm.core.wire import Json

_MARK: Final = "cache_control"
_WHY: Final = "marks where the provider's own cache begins to reuse the prompt; the model does not see it"

VOLATILE: Final = {
    "metadata": "names who asks, for abuse reports; the model does not see it",
    "stream": "how the answer is delivered",
    "service_tier": "how fast and at what price, not what",
    _MARK: _WHY,
    f"tools[].{_MARK}": _WHY,
    f"system[].{_MARK}": _WHY,
    f"messages[].content[].{_MARK}": _WHY,
    f"messages[].content[].content[].{_MARK}": _WHY,
}
"""``diagnostics`` counts, which asks for something more in the answer; so do ``speed`` and ``inference_geo``, which say
on which machines, and ``max_tokens: 0``, which asks for no answer at all."""

INVENTED: Final = {"tool_use": "id", "tool_result": "tool_use_id"}
"""Type of a block -> its id, which says only which result belongs to which call.

In all other blocks ids count: those of the provider's own tools it made itself and may check.
"""

_SPOKEN: Final = frozenset({*INVENTED, "text", "thinking", "redacted_thinking", "image", "document", "search_result"})
"""Blocks that only hold what was said. Any other may bring tools with their schemas, in which order may count."""


def system(value: Json, spell: Plain) -> Json:
    """One text block as its text."""
    value = spell(value, DEPTH)
    return text_alone(_unmarked(value), "text")


def tools(value: Json, spell: Plain) -> Json:
    """The order of keys in a schema counts where it orders what the model writes: in tools that are ``strict``."""
    value = _unmarked(spell(value, DEPTH))
    return [ordered(t) if is_strict(t) else t for t in value] if type(value) is list else value


def messages(value: Json, spell: Plain) -> Json:
    """One text block as its text; ids of tool calls renamed."""
    if type(value) is not list:
        return spell(value, DEPTH)
    rename = Renamer()
    return [_message(spell(m, DEPTH - 1), rename) for m in value]


def _message(message: Json, rename: Renamer) -> Json:
    """The message, or a copy that differs: what was given may be part of the request and is never changed."""
    content = message.get("content") if type(message) is dict else None
    if type(content) is not list:
        return message
    blocks = [_block(block, rename) for block in _unmarked(content)]
    return {**message, "content": text_alone(blocks, "text")}


def _block(block: Json, rename: Renamer) -> Json:
    if type(block) is not dict:
        return block
    if type(block.get("content")) is list:
        block = {**block, "content": _unmarked(block["content"])}
    kind = block.get("type")
    if type(kind) is not str or kind not in _SPOKEN:
        return ordered(block)
    if kind == "tool_result" and "content" in block:
        block = {**block, "content": text_alone(block["content"], "text")}
    name = INVENTED.get(kind)
    return {**block, name: rename(block[name])} if name in block else block


def _unmarked(blocks: Json) -> Json:
    """The blocks, or the tools, without the marks that stand directly in them."""
    return [_without_mark(b) for b in blocks] if type(blocks) is list else blocks


def _without_mark(block: Json) -> Json:
    return {k: v for k, v in block.items() if k != _MARK} if type(block) is dict and _MARK in block else block


def is_strict(tool: Json) -> bool:
    """Whether the model is held to its schema: then the order of keys orders what it writes."""
    return type(tool) is dict and tool.get("strict") is True


SPELLING: Final = Spelling(
    volatile=VOLATILE,
    renamed=tuple(f"messages[].content[{kind}].{name}" for kind, name in INVENTED.items()),
    members={"system": system, "tools": tools, "messages": messages},
)
