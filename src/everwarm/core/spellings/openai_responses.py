"""OpenAI Responses. Source: OpenAI API reference, "Create a model response", as of November 2026."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from everwarm.core.plain import DEPTH, Plain, ordered
from everwarm.core.spellings.spelling import Renamer, Spelling, is_empty, is_text, text_alone
from everwarm.core.wire import Json

VOLATILE: Final = {
    "user": "names who asks, for abuse reports; the model does not see it",
    "safety_identifier": "the same, under its newer name",
    "metadata": "labels for the provider's own dashboard",
    "client_metadata": "session ids and clocks of a coding agent; the model does not see them",
    "service_tier": "how fast and at what price, not what",
    "prompt_cache_key": "a hint for the provider's own cache",
    "prompt_cache_retention": "how long the provider's own cache keeps the prompt",
    "prompt_cache_options.mode": "where the provider's own cache marks the prompt",
    "prompt_cache_options.ttl": "how long the provider's own cache keeps the prompt, under its newer name",
    "stream": "how the answer is delivered",
    "stream_options.include_obfuscation": "padding of a stream's events",
}
"""``store`` counts: a later ``previous_response_id`` needs an answer that was stored. Of ``prompt_cache_options`` count
``prewarm``, which asks for no answer at all, and ``comparison_response_id``, which asks for something more in it."""

INVENTED: Final = {
    "message": frozenset({"id"}),
    "function_call": frozenset({"id", "call_id"}),
    "function_call_output": frozenset({"id", "call_id"}),
    "custom_tool_call": frozenset({"id", "call_id"}),
    "custom_tool_call_output": frozenset({"id", "call_id"}),
}
"""Type of an item -> its ids that say only which belongs to which.

In all other items ids count: they name what the provider keeps (``item_reference``), or what it made and may check
(``reasoning``, calls of the provider's own tools).
"""

_EASY: Final = frozenset({"type", "role", "content", "phase"})
"""The members of a message that needs no type. One with others is an item that an answer held."""

_ASKING: Final = ("user", "system", "developer")  # an assistant's text is not of type input_text


def items(value: Json, spell: Plain) -> Json:
    """A text as one user message; a message's text part alone as a text, its type left out; ids renamed."""
    if type(value) is str:
        return [{"role": "user", "content": value}]
    if type(value) is not list:
        return spell(value, DEPTH)
    rename = Renamer()
    return [item if is_text(item) else _item(spell(item, DEPTH - 1), rename) for item in value]


def _item(item: Json, rename: Renamer) -> Json:
    """The item, or a copy that differs: what was given may be part of the request and is never changed."""
    if type(item) is not dict:
        return item
    kind = item.get("type", "message" if "role" in item else None)
    ids = INVENTED.get(kind) if type(kind) is str else None
    if ids is None:
        return ordered(item)  # it may bring tools, or a schema for the answer
    if not ids.isdisjoint(item):
        item = {k: rename(v) if k in ids else v for k, v in item.items()}
    return _message(item) if kind == "message" else item


def _message(item: dict[str, Json]) -> dict[str, Json]:
    if "type" in item and "role" in item and item.keys() <= _EASY:
        item = {k: v for k, v in item.items() if k != "type"}
    if item.get("role") in _ASKING and "content" in item:
        item = {**item, "content": text_alone(item["content"], "input_text")}
    return item


def tools(value: Json, spell: Plain) -> Json:
    """The order of keys in a schema counts unless a function says that it is not strict: here strict is the default."""
    value = spell(value, DEPTH)
    return [tool if is_loose(tool) else ordered(tool) for tool in value] if type(value) is list else ordered(value)


def is_loose(tool: Json) -> bool:
    """Whether the order of keys in its schema orders nothing: a function that says that it is not strict."""
    return type(tool) is dict and tool.get("type") == "function" and tool.get("strict") is False


def _options(name: str) -> Callable[[Json, Plain], Json]:
    """Writes the object ``name`` without its members that are volatile."""

    def write(value: Json, spell: Plain) -> Json:
        value = ordered(spell(value, DEPTH))
        return {k: v for k, v in value.items() if f"{name}.{k}" not in VOLATILE} if type(value) is dict else value

    return write


_OPTIONS: Final = ("prompt_cache_options", "stream_options")

SPELLING: Final = Spelling(
    volatile=VOLATILE,
    renamed=tuple(f"input[{kind}].{name}" for kind, names in INVENTED.items() for name in sorted(names)),
    members={"input": items, "tools": tools, **{name: _options(name) for name in _OPTIONS}},
    defaults=dict.fromkeys(_OPTIONS, is_empty),
)
