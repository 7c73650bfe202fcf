"""OpenAI Chat Completions, the answer: events -> a JSON body, or chunks of a stream; and a stored body -> chunks.

Source: OpenAI API reference, "The chat completion object" and "The chat completion chunk object", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import orjson

from everwarm.core import sse
from everwarm.core.answer import Recorder, Stored, read_cuts, replay
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish, Json
from everwarm.errors import EverwarmError


class Head(NamedTuple):
    """What stands at the head of a body and of every chunk."""

    id: str
    created: int  # seconds since 1970
    model: str
    fingerprint: str


def body(head: Head, recorder: Recorder) -> bytes:
    """The JSON body of a whole answer."""
    choices = [
        {
            "index": i,
            "message": {"role": "assistant", "content": choice.text, "refusal": None},
            "logprobs": None,
            "finish_reason": choice.finish,
        }
        for i, choice in sorted(recorder.choices.items())
    ]
    return orjson.dumps(
        {
            "id": head.id,
            "object": "chat.completion",
            "created": head.created,
            "model": head.model,
            "choices": choices,
            "usage": usage_of(recorder.usage) if recorder.usage else None,
            "system_fingerprint": head.fingerprint,
        }
    )


def usage_of(u: Usage) -> dict[str, Json]:
    """Tokens in this dialect: ``prompt_tokens`` includes the cached ones."""
    return {
        "prompt_tokens": u.prompt,
        "completion_tokens": u.output,
        "total_tokens": u.total,
        "prompt_tokens_details": {"cached_tokens": u.cache_read},
        "completion_tokens_details": {"reasoning_tokens": u.reasoning},
    }


class Chunks:
    """Writes the chunks of one stream, event by event."""

    def __init__(self, head: Head, *, include_usage: bool) -> None:
        self._head = head
        self._include_usage = include_usage
        self._begun: set[int] = set()

    def write(self, event: Event) -> bytes:
        """The bytes to send for this event; empty if the dialect has none for it."""
        if isinstance(event, Delta):
            return self._role(event.choice) + self._chunk(event.choice, {"content": event.text}, None)
        if isinstance(event, Finish):
            return self._role(event.choice) + self._chunk(event.choice, {}, event.reason)
        if isinstance(event, Done):
            return (self._usage(event.usage) if self._include_usage else b"") + sse.DONE
        return b""

    def _role(self, choice: int) -> bytes:
        if choice in self._begun:
            return b""
        self._begun.add(choice)
        return self._chunk(choice, {"role": "assistant", "content": ""}, None)

    def _chunk(self, index: int, delta: dict[str, str], finish: str | None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._write({"choices": [choice], **({"usage": None} if self._include_usage else {})})

    def _usage(self, usage: Usage) -> bytes:
        return self._write({"choices": [], "usage": usage_of(usage)})

    def _write(self, more: dict[str, Json]) -> bytes:
        head = self._head
        chunk = {"id": head.id, "object": "chat.completion.chunk", "created": head.created, "model": head.model}
        return sse.write(orjson.dumps({**chunk, "system_fingerprint": head.fingerprint, **more}))


def replay_stream(stored: Stored, *, include_usage: bool) -> bytes:
    """A stored answer as the stream that it was, or would have been."""
    whole = orjson.loads(stored.body)
    head = Head(whole["id"], whole["created"], whole["model"], whole["system_fingerprint"])
    chunks = Chunks(head, include_usage=include_usage)
    return b"".join(chunks.write(e) for e in _events(whole, stored))


def _events(whole: Json, stored: Stored) -> Iterator[Event]:
    for choice, cuts in zip(whole["choices"], read_cuts(stored), strict=True):
        for piece in replay(choice["message"]["content"], cuts):
            yield Delta(choice["index"], piece)
        yield Finish(choice["index"], choice["finish_reason"])
    yield Done(stored.usage)


def error(e: EverwarmError) -> bytes:
    """The JSON body of an error."""
    return orjson.dumps({"error": _error(e)})


def error_event(e: EverwarmError) -> bytes:
    """An error in the middle of a stream: the official SDKs raise on a chunk with a member ``error``."""
    return sse.write(orjson.dumps({"error": _error(e)}))


def _error(e: EverwarmError) -> dict[str, Json]:
    return {"message": e.message, "type": e.kind, "param": e.param, "code": e.code}
