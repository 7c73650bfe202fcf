"""OpenAI Completions, written: the events of the model inside as the chunks of a stream.

Source: OpenAI API reference, "The completion object", as of November 2026.
"""

from __future__ import annotations

import orjson

from everwarm.core import sse
from everwarm.core.dialects.dialect import Head
from everwarm.core.dialects.openai_usage import write_chat
from everwarm.core.wire import Delta, Done, Event, Finish, Json


class Completions:
    """See ``dialect.Writer``."""

    def __init__(self, head: Head) -> None:
        self._head: dict[str, Json] = {
            "id": f"cmpl-{head.id}",
            "object": "text_completion",
            "created": head.created,
            "model": head.model,
            "system_fingerprint": f"fp_{head.fingerprint[:12]}",
        }

    def write(self, event: Event) -> bytes:
        """The bytes to send for this event; empty if the dialect has none for it."""
        if isinstance(event, Delta):
            return self._chunk(event.choice, event.text, None)
        if isinstance(event, Finish):
            return self._chunk(event.choice, "", event.reason)
        if isinstance(event, Done):
            return self._write({"choices": [], "usage": write_chat(event)}) + sse.DONE
        return b""

    def _chunk(self, index: int, text: str, finish: str | None) -> bytes:
        return self._write({"choices": [{"text": text, "index": index, "logprobs": None, "finish_reason": finish}]})

    def _write(self, more: dict[str, Json]) -> bytes:
        return sse.write(orjson.dumps({**self._head, **more}))
