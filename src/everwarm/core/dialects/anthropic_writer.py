"""Anthropic Messages, written: the events of the model inside as a stream.

Source: Claude API reference, "Streaming Messages", as of November 2026.
"""

from __future__ import annotations

from typing import Final

import orjson

from everwarm.core import sse
from everwarm.core.dialects.anthropic_usage import write_usage
from everwarm.core.dialects.dialect import Head
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Event, Finish, Json, Prefilled

REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
"""Why an answer ended, in this protocol's words. Which stop sequence was found, if one was, the events do not tell."""


def write(kind: str, **members: Json) -> bytes:
    """One event of a stream."""
    return sse.write(orjson.dumps({"type": kind, **members}), kind)


class MessageEvents:
    """See ``dialect.Writer``. A message has one choice, and here one block: a text."""

    def __init__(self, head: Head) -> None:
        self._head: dict[str, Json] = {
            "id": f"msg_{head.id}",
            "type": "message",
            "role": "assistant",
            "model": head.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }
        self._begun = self._open = False
        self._reason: str | None = None

    def write(self, event: Event) -> bytes:
        """The bytes to send for this event; empty if the dialect has none for it."""
        if isinstance(event, Prefilled):
            return self._begin(Usage(event.prompt - event.cached, event.cached, 0))
        begin = self._begin(Usage(0, 0, 0))  # who does not say so in time tells the counts at the end
        if isinstance(event, Delta):
            piece = {"type": "text_delta", "text": event.text}
            return begin + self._block() + write("content_block_delta", index=0, delta=piece)
        if isinstance(event, Finish):
            self._reason = REASONS[event.reason]
            return begin + (write("content_block_stop", index=0) if self._open else b"")
        delta = {"stop_reason": self._reason, "stop_sequence": None}
        return begin + write("message_delta", delta=delta, usage=write_usage(event.usage)) + write("message_stop")

    def _begin(self, usage: Usage) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return write("message_start", message={**self._head, "usage": write_usage(usage)})

    def _block(self) -> bytes:
        if self._open:
            return b""
        self._open = True
        return write("content_block_start", index=0, content_block={"type": "text", "text": ""})
