"""What a step of the waterfall is called, and what helps against it."""

from __future__ import annotations

from typing import Final

from everwarm.core.analysis.loss import WORDS, Cause

_CHANGES: Final = {
    "keys in another order": "write JSON in one order (sort_keys), or switch Everwarm's rewriting on",
    "tools in another order": "list tools in one order, or switch Everwarm's rewriting on",
    "tools and their keys in another order": "list tools and keys in one order, or switch Everwarm's rewriting on",
    "tools added": "offer all tools from the start, or add new ones at the end of the conversation",
    "tools removed": "keep the list of tools; forbid single ones with tool_choice or in words",
    "tools added and removed": "offer one list of tools to all requests",
    "white space": "make the prompt in one place, by one template",
    "history compacted": "compact seldom and much at once; each time all that follows is new",
    "earlier messages dropped (a sliding window)": "drop many messages seldom in place of one each time",
    "a tool's result edited": "clear old results seldom and many at once",
    "a message edited": "leave what was sent as it was; correct it in a new message",
    "a message put in between": "put it behind the last message",
    "thinking dropped": "send thinking blocks back as they came, as long as the provider takes them",
    "outside the log": "start the agent anew seldom: its system prompt is another one then",
    "another system prompt": "give each application one system prompt; what differs goes behind it",
}

_CAUSES: Final[dict[Cause, str]] = {
    "system_changed": "put it behind the last message (everwarm.Prompt does), or let Everwarm do it (layout = rewrite)",
    "messages_changed": "send earlier messages again just as they were sent first",
    "tools_changed": "keep what changes out of the definitions of tools",
    "model_changed": "each model has a cache of its own: change models between conversations, not in them",
    "settings_changed": "keep the setting for the whole conversation",
    "expired": "a longer lifetime, or keep it alive: see the repairs",
    "parallel": "send one request first, and the others once its answer has begun",
    "minimum": "a prefix must have so many tokens: put what is static together, in front",
    "unmarked": "set a breakpoint (cache_control) at the end of the conversation, or let Everwarm do it",
    "lookback": "set a second breakpoint where the last request ended, or let Everwarm do it",
    "replica": "send requests of a conversation to one replica: prompt_cache_key, or routing by prefix",
    "evicted": "nothing on your side, but for fewer tokens, or a provider with a guaranteed lifetime",
}


def label(cause: Cause, what: str) -> str:
    """Of a step, for people: "system prompt changed: a clock"."""
    return f"{WORDS[cause]}: {what}" if what else WORDS[cause]


def cure(cause: Cause, what: str) -> str:
    """What helps, in words; "" where nothing does."""
    return _CHANGES.get(what) or _CAUSES.get(cause, "")
