"""OpenAI Chat Completions, written: the events of the model inside as the chunks of a stream.

Source: OpenAI API reference, "The chat completion chunk object", as of November 2026.
"""

from __future__ import annotations

import orjson

from everwarm.core import sse
from everwarm.core.dialects.dialect import Head
from everwarm.core.dialects.openai_usage import write_chat
from everwarm.core.wire import Delta, Done, Event, Finish, Json


class Chunks:
    """See ``dialect.Writer``."""

    def __init__(self, head: Head) -> None:
        self._head: dict[str, Json] = {
            "id": f"chatcmpl-{head.id}",
            "object": "chat.completion.chunk",
            "created": head.created,
            "model": head.model,
            "system_fingerprint": f"fp_{head.fingerprint[:12]}",
        }
        self._begun: set[int] = set()

    def write(self, event: Event) -> bytes:
        """The bytes to send for this event; empty if the dialect has none for it."""
        if isinstance(event, Delta):
            return self._role(event.choice) + self._chunk(event.choice, {"content": event.text}, None)
        if isinstance(event, Finish):
            return self._role(event.choice) + self._chunk(event.choice, {}, event.reason)
        if isinstance(event, Done):
            return self._write({"choices": [], "usage": write_chat(event)}) + sse.DONE
        return b""

    def _role(self, choice: int) -> bytes:
        if choice in self._begun:
            return b""
        self._begun.add(choice)
        return self._chunk(choice, {"role": "assistant", "content": "", "refusal": None}, None)

    def _chunk(self, index: int, delta: dict[str, Json], finish: str | None) -> bytes:
        return self._write({"choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}]})

    def _write(self, more: dict[str, Json]) -> bytes:
        return sse.write(orjson.dumps({**self._head, **more}))
