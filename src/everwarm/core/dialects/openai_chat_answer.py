"""OpenAI Chat Completions, the answer: what it is, read from its bytes; and one form made of the other.

Source: OpenAI API reference, "The chat completion object" and "The chat completion chunk object", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson

from everwarm.core import sse
from everwarm.core.answer import Form, Verdict
from everwarm.core.dialects.openai_chat_fold import Unfit, fold, unfold
from everwarm.core.dialects.openai_usage import read_usage
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

CLEAN: Final = frozenset({"stop", "tool_calls", "function_call"})
"""Finish reasons of an answer that is whole. Any other is not stored (s13)."""

_CUT: Final = {"length": "it was cut off at max_tokens"}


def judge(answer: bytes, form: Form) -> Verdict:
    """See ``dialect.Dialect.judge``."""
    return _judge_stream(answer) if form.stream else _judge_body(answer)


def _judge_body(answer: bytes) -> Verdict:
    whole = _loads(answer)
    if type(whole) is not dict:
        return Verdict(True, "it was not a JSON object", None)
    if "error" in whole and "choices" not in whole:
        return Verdict(True, "it was an error", None)
    choices = whole.get("choices")
    if type(choices) is not list or not choices or not all(type(c) is dict for c in choices):
        return Verdict(True, "it held no choices", read_usage(whole.get("usage")))
    flaws = (_flaw(c.get("finish_reason"), bool(_says(c.get("message")) or c.get("text"))) for c in choices)
    return Verdict(True, next((f for f in flaws if f), None), read_usage(whole.get("usage")))


def _says(message: Json) -> bool:
    """Whether there is anything in a message, or in a delta of one."""
    return type(message) is dict and any(v for k, v in message.items() if k != "role")


def _flaw(finish: Json, says: bool) -> str | None:
    if finish not in CLEAN:
        return _CUT.get(str(finish), f"it ended with {finish}"[:60]) if finish else "it broke off"
    return None if says else "it was empty"


class _Watch:
    """What a stream's events say about it."""

    def __init__(self) -> None:
        self.done = False
        self.flaw: str | None = None
        self.usage: Usage | None = None
        self.finish: dict[int, Json] = {}
        self.says: set[int] = set()

    def see(self, data: str) -> None:
        """The data of one event."""
        if self.done:
            self.flaw = self.flaw or "something came after its end"
        elif data == "[DONE]":
            self.done = True
        elif type(chunk := _loads(data.encode())) is not dict:
            self.flaw = self.flaw or "an event of it was not a JSON object"
        elif "error" in chunk and not chunk.get("choices"):
            self.done, self.flaw = True, "it was an error"
        else:
            self.usage = read_usage(chunk.get("usage")) or self.usage
            for choice in chunk.get("choices") or ():
                self._see_choice(choice)

    def _see_choice(self, choice: dict[str, Any]) -> None:
        index = choice.get("index", 0)
        self.finish[index] = choice.get("finish_reason") or self.finish.get(index)
        if _says(choice.get("delta")) or choice.get("text"):
            self.says.add(index)

    def verdict(self) -> Verdict:
        """After the last event."""
        finished = bool(self.finish) and all(self.finish.values())
        flaws = [_flaw(finish, index in self.says) for index, finish in self.finish.items()]
        flaws.append(None if finished else "it broke off")
        flaws.append(None if self.done else "its stream lacked the end, [DONE]")
        flaw = self.flaw or next((f for f in flaws if f), None)
        return Verdict(self.done or finished, flaw, self.usage)


def _judge_stream(answer: bytes) -> Verdict:
    watch = _Watch()
    try:
        for event in sse.events(answer):
            watch.see(event.data)
        return watch.verdict()
    except (AttributeError, TypeError, KeyError):  # a chunk of a shape that nobody has described
        return Verdict(b"[DONE]" in answer[-100:], "its stream was not of this protocol", watch.usage)


def convert(answer: bytes, have: Form, want: Form) -> bytes | None:
    """See ``dialect.Dialect.convert``. Serves completions too: their chunks differ by a few names."""
    try:
        if not want.stream:
            return orjson.dumps(fold(sse.events(answer)))
        if not have.stream:
            return b"".join(unfold(orjson.loads(answer), counted=want.counted))
        strain = strainer(have, want)
        return strain(answer) if strain else None
    except (Unfit, orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def strainer(have: Form, want: Form) -> Callable[[bytes], bytes] | None:
    """See ``dialect.Dialect.strainer``: token counts can be left out, not added."""
    return _without_usage if have.stream and want.stream and have.counted else None


def _without_usage(events: bytes) -> bytes:
    return b"".join(_strained(frame) for frame in sse.frames(events))


def _strained(frame: bytes) -> bytes:
    """One event without its count of tokens; nothing, if that was all there was in it."""
    if b'"usage"' not in frame:
        return frame
    data = "".join(event.data for event in sse.events(frame))
    chunk = _loads(data.encode())
    if type(chunk) is not dict or "usage" not in chunk:
        return frame
    del chunk["usage"]
    return sse.write(orjson.dumps(chunk)) if chunk.get("choices") else b""


def _loads(data: bytes) -> Json:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
