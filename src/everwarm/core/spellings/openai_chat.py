"""OpenAI Chat Completions. Source: OpenAI API reference, "Create chat completion", as of November 2026."""

from __future__ import annotations

from typing import Final

from everwarm.core.plain import DEPTH, Plain, ordered
from everwarm.core.spellings.spelling import Renamer, Spelling, is_empty, is_one, is_text, text_alone
from everwarm.core.wire import Json

VOLATILE: Final = {
    "user": "names who asks, for abuse reports; the model does not see it",
    "safety_identifier": "the same, under its newer name",
    "metadata": "labels for the provider's own dashboard",
    "store": "whether the provider keeps a copy",
    "service_tier": "how fast and at what price, not what",
    "prompt_cache_key": "a hint for the provider's own cache",
    "prompt_cache_retention": "how long the provider's own cache keeps the prompt",
    "stream": "how the answer is delivered",
    "stream_options.include_usage": "whether a stream ends with the token counts",
    "stream_options.include_obfuscation": "padding of a stream's chunks",
}


def stream_options(options: Json, spell: Plain) -> Json:
    """Without what says only how a stream is delivered."""
    options = ordered(spell(options, DEPTH))
    if type(options) is not dict:
        return options
    return {k: v for k, v in options.items() if f"stream_options.{k}" not in VOLATILE}


def tools(value: Json, spell: Plain) -> Json:
    """The order of keys in a schema counts where it orders what the model writes: in tools that are ``strict``."""
    value = spell(value, DEPTH)
    return [ordered(t) if is_strict(t) else t for t in value] if type(value) is list else value


def messages(value: Json, spell: Plain) -> Json:
    """A text part alone as a text; ids of tool calls renamed."""
    if type(value) is not list:
        return spell(value, DEPTH)
    rename = Renamer()
    return [m if is_text(m) else _message(spell(m, DEPTH - 1), rename) for m in value]


def _message(message: Json, rename: Renamer) -> Json:
    """The message, or a copy that differs: what was given may be part of the request and is never changed."""
    if type(message) is not dict:
        return message
    if "content" in message:
        message = {**message, "content": text_alone(message["content"], "text")}
    if "tool_call_id" in message:
        message = {**message, "tool_call_id": rename(message["tool_call_id"])}
    calls = message.get("tool_calls")
    if type(calls) is list:
        message = {**message, "tool_calls": [_call(c, rename) for c in calls]}
    return message


def _call(call: Json, rename: Renamer) -> Json:
    return {**call, "id": rename(call["id"])} if type(call) is dict and "id" in call else call


def is_strict(tool: Json) -> bool:
    """Whether the model is held to its schema: then the order of keys orders what it writes."""
    function = tool.get("function") if type(tool) is dict else None
    return type(function) is dict and function.get("strict") is True


SPELLING: Final = Spelling(
    volatile=VOLATILE,
    renamed=("messages[].tool_calls[].id", "messages[].tool_call_id"),
    members={"messages": messages, "tools": tools, "stream_options": stream_options},
    defaults={"n": is_one, "stream_options": is_empty},
)
