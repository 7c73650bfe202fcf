"""Marks at which a provider's prompt cache ends an entry: the blocks that can carry one, and what a client has set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from everwarm.core.layout.piece import Path, Tier

_DEFAULTS: Final = {"cache_control": "5m", "prompt_cache_breakpoint": "30m"}
"""What a mark is called -> how long its entry lives if it does not say."""

NAMES: Final = tuple(_DEFAULTS)
"""What a mark is called."""

_QUOTED: Final = tuple(b'"%b"' % name.encode() for name in NAMES)

_CARRIERS: Final[dict[str, frozenset[str]]] = {
    "anthropic_messages": frozenset({"text", "image", "document", "search_result", "tool_use", "tool_result"}),
    "openai_chat": frozenset({"text", "image_url", "input_audio", "file"}),
    "openai_responses": frozenset({"input_text", "input_image", "input_file"}),
}
"""Dialect -> the types of blocks that can carry a mark. Anthropic's thinking cannot, nor what OpenAI's models said."""

_SYSTEM: Final = {"anthropic_messages": "system", "openai_responses": "instructions"}


class Mark(NamedTuple):
    """A mark of a request."""

    path: Path  # of the block that has it; () for the automatic one, which the provider sets at the end
    ttl: str  # "5m", "1h", "30m", "12h"


class Block(NamedTuple):
    """What counts as one in a look-up, and can carry a mark or not."""

    dialect: str
    path: Path
    tier: Tier
    role: str  # "tools", "system"; of a message its own; of other items "tool" for what one gave, else "assistant"
    message: int  # which of the messages (or input items); -1: none
    value: Any  # the block; a string in whose place a list with one block of text may stand; None: a message without

    @property
    def carries(self) -> bool:
        """Whether it can have a mark: no empty text, no tool of OpenAI's dialects, none that is loaded later; no string
        that has to stay one (``instructions``, ``input``, the output of a tool)."""
        if isinstance(self.value, str):
            return bool(self.value.strip()) and self.path[-1] in ("system", "content")
        if not isinstance(self.value, dict):
            return False
        if self.tier == "tools":
            return self.dialect == "anthropic_messages" and not self.value.get("defer_loading")
        text = self.value.get("text")
        return self.value.get("type") in _CARRIERS[self.dialect] and (not isinstance(text, str) or bool(text.strip()))

    @property
    def text_type(self) -> str:
        """The type of the one part that may stand in the place of a string."""
        return "input_text" if self.dialect == "openai_responses" else "text"


def blocks(dialect: str, value: dict[str, Any]) -> tuple[Block, ...]:
    """Of a body in Messages, Chat Completions or Responses, in rendered order; of other dialects there are none."""
    if dialect not in _CARRIERS:
        return ()
    row = [Block(dialect, ("tools", n), "tools", "tools", -1, tool) for n, tool in enumerate(_list(value, "tools"))]
    before = _SYSTEM.get(dialect)
    if before is not None:
        row += _contents(dialect, value.get(before), (before,), "system", "system", -1)
    if isinstance(value.get("input"), str) and dialect == "openai_responses":
        return (*row, Block(dialect, ("input",), "messages", "user", 0, value["input"]))
    return (*row, *_conversation(dialect, value))


def _conversation(dialect: str, value: dict[str, Any]) -> Iterator[Block]:
    name = "input" if dialect == "openai_responses" else "messages"
    tier: Tier = "messages" if dialect == "anthropic_messages" else "system"
    for n, item in enumerate(_list(value, name)):
        if isinstance(item, dict):
            role, holds = _spoken(item)
            tier = "system" if tier == "system" and role in ("system", "developer") else "messages"
            yield from _contents(dialect, item.get(holds), (name, n, holds), tier, role, n)


def _spoken(item: dict[str, Any]) -> tuple[str, str]:
    """Who says it, and the member that holds what. Only items of Responses have types."""
    kind = str(item.get("type", "message"))
    if kind == "message":
        return str(item.get("role")), "content"
    return ("tool", "output") if kind.endswith("_output") else ("assistant", "content")


def may_have_marks(data: bytes) -> bool:
    """Whether there may be marks in this JSON: one has its name there, in quotes."""
    return any(map(data.__contains__, _QUOTED))


def marks_in(dialect: str, value: dict[str, Any], row: tuple[Block, ...] | None = None) -> tuple[Mark, ...]:
    """All that the client has set, wherever they may stand, in rendered order; the automatic one is the last.

    ``row``: the blocks of ``value``, if they are known already.
    """
    row = blocks(dialect, value) if row is None else row
    options = value.get("prompt_cache_options")
    defaults = dict(_DEFAULTS)
    if isinstance(options, dict) and isinstance(options.get("ttl"), str):
        defaults["prompt_cache_breakpoint"] = options["ttl"]
    found = [mark for block in row for mark in _marks(block.path, block.value, defaults)]
    if dialect == "anthropic_messages":
        found += _own((), {"cache_control": value.get("cache_control")}, defaults)
    return tuple(found)


def _marks(path: Path, block: Any, defaults: dict[str, str]) -> Iterator[Mark]:
    """Of a block and of those within it, which are rendered first: in the result of a tool, in a document, in a tool
    that is added on the way. The arguments of a call and the schema of a tool are no blocks."""
    if not isinstance(block, dict):
        return
    for step, inner in _inner(block):
        yield from _marks((*path, *step), inner, defaults)
    yield from _own(path, block, defaults)


def _inner(block: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    for n, inner in enumerate(_list(block, "content")):
        yield ("content", n), inner
    for name in ("source", "tool"):
        held = block.get(name)
        if isinstance(held, dict):
            yield from (((name, "content", n), inner) for n, inner in enumerate(_list(held, "content")))
            yield (name, "definition"), held.get("definition")


def _own(path: Path, block: dict[str, Any], defaults: dict[str, str]) -> Iterator[Mark]:
    for name, default in defaults.items():
        mark = block.get(name)
        if isinstance(mark, dict):
            yield Mark(path, str(mark.get("ttl") or default))


def _contents(dialect: str, content: Any, path: Path, tier: Tier, role: str, message: int) -> list[Block]:
    if isinstance(content, str | dict):  # an object: the screenshot of a computer
        return [Block(dialect, path, tier, role, message, content)]
    parts = content if isinstance(content, list) else []
    if not parts and message >= 0:  # a message that only calls tools, or an item that says nothing in parts
        return [Block(dialect, path, tier, role, message, None)]
    return [Block(dialect, (*path, n), tier, role, message, part) for n, part in enumerate(parts)]


def _list(value: dict[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []
