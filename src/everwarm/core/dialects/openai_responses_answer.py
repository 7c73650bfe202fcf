"""OpenAI Responses, the answer: what it is, read from its bytes; and one form made of the other.

Source: OpenAI API reference, "The response object" and "Streaming events", as of November 2026.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from everwarm.core import sse
from everwarm.core.answer import Form, Verdict
from everwarm.core.dialects.openai_responses_unfold import unfold
from everwarm.core.dialects.openai_usage import read_usage
from everwarm.core.wire import Json

_ENDINGS: Final = ("response.completed", "response.incomplete", "response.failed")
"""Types of the events that end a stream and hold the whole response."""


def judge(answer: bytes, form: Form) -> Verdict:
    """See ``dialect.Dialect.judge``."""
    return _judge_stream(answer) if form.stream else _judge_body(answer)


def _judge_body(answer: bytes) -> Verdict:
    whole = _loads(answer)
    if type(whole) is not dict:
        return Verdict(True, "it was not a JSON object", None)
    return Verdict(True, _flaw(whole), read_usage(whole.get("usage")))


_UNFINISHED: Final = {
    "max_output_tokens": "it was cut off at max_output_tokens",
    "content_filter": "it was cut off by a content filter",
}


def _flaw(response: dict[str, Any]) -> str | None:
    status, details = response.get("status"), response.get("incomplete_details")
    if response.get("error"):
        return "it was an error"
    if status == "incomplete":
        reason = details.get("reason") if type(details) is dict else None
        return _UNFINISHED.get(str(reason), "it was incomplete")
    if status != "completed":
        return "it did not say that it was completed"
    output = response.get("output")
    return None if type(output) is list and any(_says(item) for item in output) else "it was empty"


def _says(item: Json) -> bool:
    """Whether an item of the output is something that was asked for. What the model thinks on the way is not."""
    if type(item) is not dict or item.get("type") == "reasoning":
        return False
    content = item.get("content")
    return item.get("type") != "message" or (type(content) is list and any(_is_said(part) for part in content))


def _is_said(part: Json) -> bool:
    return type(part) is dict and bool(part.get("text") or part.get("refusal"))


class _Watch:
    """What a stream's events say about it."""

    def __init__(self) -> None:
        self.over = False
        self.flaw: str | None = None
        self.response: dict[str, Json] | None = None  # as the last event has it
        self._done: dict[int, Json] = {}  # items of the output that are done, by their index

    def see(self, event: sse.ServerEvent) -> None:
        """The next event."""
        if event.data == "[DONE]":  # the dialect has none, some servers send it nevertheless
            return
        data = _loads(event.data.encode())
        if self.over:
            self._mark("something came after its end")
        elif type(data) is not dict:
            self._mark("an event of it was not a JSON object")
        else:
            self._see(data.get("type") or event.event, data)

    def _see(self, kind: Json, data: dict[str, Any]) -> None:
        if kind == "response.output_item.done":
            index = data.get("output_index")
            self._done[index if type(index) is int else len(self._done)] = data.get("item")
        elif kind in _ENDINGS and type(data.get("response")) is dict:
            self.over, self.response = True, self._whole(data["response"], kind)
        elif kind == "error" or data.get("error"):
            self.over = True
            self._mark("it was an error")

    def _whole(self, response: dict[str, Json], kind: str) -> dict[str, Json]:
        """Servers exist that leave out what was already said: the items of the output, or how it ended."""
        if not response.get("output"):
            response = {**response, "output": [self._done[i] for i in sorted(self._done)]}
        return response if response.get("status") else {**response, "status": kind.removeprefix("response.")}

    def _mark(self, flaw: str) -> None:
        self.flaw = self.flaw or flaw


def _watch(answer: bytes) -> _Watch:
    watch = _Watch()
    for event in sse.events(answer):
        watch.see(event)
    return watch


def _judge_stream(answer: bytes) -> Verdict:
    watch = _watch(answer)
    if watch.response is None:
        return Verdict(watch.over or _is_an_end(answer), watch.flaw or "it broke off", None)
    return Verdict(True, watch.flaw or _flaw(watch.response), read_usage(watch.response.get("usage")))


_COUNTED: Final = re.compile(rb'"usage"\s*:\s*\{[^{}]*"(?:in|out)put_tokens"\s*:\s*\d')


def _is_an_end(answer: bytes) -> bool:
    """Whether the last event of a stream, of which the beginning may be cut away, is one that ends it.

    The last event repeats the whole answer and most of the request, so it may be longer than what is kept. It alone
    holds token counts; in a text of the model's the quotes around their names would be escaped.
    """
    last = sse.frames(answer.removesuffix(sse.DONE))[-1:]
    return any(f.endswith((b"\n\n", b"\r\n\r\n", b"\r\r")) and _COUNTED.search(f) for f in last)


def convert(answer: bytes, have: Form, want: Form) -> bytes | None:
    """See ``dialect.Dialect.convert``."""
    try:
        if have.stream and not want.stream:
            response = _watch(answer).response
            return orjson.dumps(response) if response else None
        if want.stream and not have.stream:
            return _unfolded(orjson.loads(answer))
        return answer
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def _unfolded(response: dict[str, Any]) -> bytes | None:
    if f"response.{response['status']}" not in _ENDINGS:
        return None
    return b"".join(unfold(response))


def _loads(data: bytes) -> Json:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
