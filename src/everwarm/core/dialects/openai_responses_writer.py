"""OpenAI Responses, written: the events of the model inside as the typed events of a stream.

Source: OpenAI API reference, "The response object" and "Streaming events", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from everwarm.core.dialects.dialect import Head
from everwarm.core.dialects.openai_responses_events import Numbered
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish, Json, Request

_UNFINISHED: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Reason of a ``Finish`` -> why the response is incomplete."""

_SETTINGS: Final[dict[str, Json]] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}
"""Members of the request that the response repeats, and what it says of those that were left out."""

_FUNCTION: Final[dict[str, Json]] = {"description": None, "parameters": None, "strict": None}


class ResponseEvents:
    """See ``dialect.Writer``."""

    def __init__(self, head: Head, request: Request) -> None:
        self._write = Numbered()
        self._response = _response(head, request)
        self._place = {"item_id": f"msg_{head.id}", "output_index": 0, "content_index": 0}
        self._begun = False
        self._opened = False  # whether the message has begun
        self._said: list[str] = []
        self._unfinished: str | None = None

    def write(self, event: Event) -> bytes:
        """The bytes to send for this event; the first one opens the response."""
        return b"".join([*self._begin(), *self._pieces(event)])

    def _begin(self) -> Iterator[bytes]:
        if not self._begun:
            self._begun = True
            yield self._write("response.created", response=self._response)
            yield self._write("response.in_progress", response=self._response)

    def _pieces(self, event: Event) -> Iterator[bytes]:
        if isinstance(event, Delta):
            yield from self._speak(event.text)
        elif isinstance(event, Finish):
            self._unfinished = _UNFINISHED.get(event.reason)
            yield from self._fall_silent()
        elif isinstance(event, Done):
            yield self._end(event.usage)

    def _speak(self, text: str) -> Iterator[bytes]:
        yield from self._open()
        self._said.append(text)
        yield self._write("response.output_text.delta", **self._place, delta=text, logprobs=[])

    def _open(self) -> Iterator[bytes]:
        if not self._opened:
            self._opened = True
            yield self._write("response.output_item.added", output_index=0, item=self._item("in_progress", []))
            yield self._write("response.content_part.added", **self._place, part=_part(""))

    def _fall_silent(self) -> Iterator[bytes]:
        yield from self._open()
        text = "".join(self._said)
        item = self._item("incomplete" if self._unfinished else "completed", [_part(text)])
        self._response = {**self._response, "output": [item]}
        yield self._write("response.output_text.done", **self._place, text=text, logprobs=[])
        yield self._write("response.content_part.done", **self._place, part=_part(text))
        yield self._write("response.output_item.done", output_index=0, item=item)

    def _item(self, status: str, content: list[Json]) -> dict[str, Json]:
        kind = {"id": self._place["item_id"], "type": "message", "role": "assistant"}
        return {**kind, "status": status, "content": content}

    def _end(self, usage: Usage) -> bytes:
        status = "incomplete" if self._unfinished else "completed"
        details = {"reason": self._unfinished} if self._unfinished else None
        response = {**self._response, "status": status, "incomplete_details": details, "usage": write_usage(usage)}
        return self._write(f"response.{status}", response=response)


def _part(text: str) -> dict[str, Json]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _response(head: Head, request: Request) -> dict[str, Json]:
    """The response as it begins. Who asked is not repeated: the answer may serve others who ask the same."""
    said = {k: v for k, v in request.rest.items() if k in _SETTINGS and v is not None}
    return {
        "id": f"resp_{head.id}",
        "object": "response",
        "created_at": head.created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "model": head.model,
        "output": [],
        "previous_response_id": None,
        "store": False,  # whatever was asked: an answer of the model inside cannot be had by its id
        "tools": [_tool(tool) for tool in request.rest.get("tools") or ()],
        "usage": None,
        **_SETTINGS,
        **said,
    }


def _tool(tool: dict[str, Json]) -> dict[str, Json]:
    return {**_FUNCTION, **tool} if tool.get("type") == "function" else tool


def write_usage(usage: Usage) -> dict[str, Json]:
    """The member ``usage``."""
    written = usage.cache_write + usage.cache_write_long
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": usage.cache_read, "cache_write_tokens": written},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total,
    }
