"""Anthropic Messages, the answer: what it is, read from its bytes; and one form made of the other.

Source: Claude API reference, "The Message object" and "Streaming Messages", as of November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from everwarm.core import sse
from everwarm.core.answer import Form, Verdict
from everwarm.core.dialects.anthropic_fold import Unfit, fold, read, unfold
from everwarm.core.dialects.anthropic_usage import read_usage
from everwarm.core.wire import Json

CLEAN: Final = frozenset({"end_turn", "tool_use", "stop_sequence"})
"""Stop reasons of an answer that is whole. Any other is not stored (s13)."""

_CUT: Final = {
    "max_tokens": "it was cut off at max_tokens",
    "model_context_window_exceeded": "it was cut off where the context ends",
    "pause_turn": "it was paused, to be gone on with",
}

_MUTE: Final = frozenset({"thinking", "redacted_thinking"})
"""Blocks that alone are no answer."""


def judge(answer: bytes, form: Form) -> Verdict:
    """See ``dialect.Dialect.judge``."""
    return _judge_stream(answer) if form.stream else _judge_body(answer)


def _judge_body(answer: bytes) -> Verdict:
    whole = _loads(answer)
    if type(whole) is not dict:
        return Verdict(True, "it was not a JSON object", None)
    if whole.get("type") == "error":
        return Verdict(True, "it was an error", None)
    usage = read_usage(whole.get("usage"))
    content = whole.get("content")
    if whole.get("type") != "message" or type(content) is not list:
        return Verdict(True, "it was not a message", usage)
    return Verdict(True, _flaw(whole.get("stop_reason"), any(_says(block) for block in content)), usage)


def _says(block: Json) -> bool:
    """Whether a block is, or is part of, an answer."""
    if type(block) is not dict:
        return False
    return bool(block.get("text")) if block.get("type") == "text" else block.get("type") not in _MUTE


def _flaw(reason: Json, says: bool) -> str | None:
    if type(reason) is not str or reason not in CLEAN:
        return _CUT.get(str(reason), f"it ended with {reason}"[:60]) if reason else "it broke off"
    return None if says else "it was empty"


class _Watch:
    """What a stream's events say about it. Those of a kind that nobody knows say nothing."""

    def __init__(self) -> None:
        self.done = False
        self.flaw: str | None = None
        self.usage: dict[str, Any] = {}
        self._begun = self._says = False
        self._reason: Json = None

    def see(self, data: str) -> None:
        """The data of one event."""
        event = _loads(data.encode())
        if type(event) is not dict:
            self.flaw = self.flaw or "an event of it was not a JSON object"
        elif self.done and event.get("type") != "ping":
            self.flaw = self.flaw or "something came after its end"
        elif type(kind := event.get("type")) is str and kind in _SEEN:
            _SEEN[kind](self, event)

    def _start(self, event: Mapping[str, Json]) -> None:
        self._begun = True
        self._count(event["message"].get("usage"))

    def _start_block(self, event: Mapping[str, Json]) -> None:
        self._says = self._says or _says(event["content_block"])

    def _delta(self, event: Mapping[str, Json]) -> None:
        self._says = self._says or bool(event["delta"].get("text"))

    def _end(self, event: Mapping[str, Json]) -> None:
        self._reason = event["delta"].get("stop_reason") or self._reason
        self._count(event.get("usage"))

    def _stop(self, event: Mapping[str, Json]) -> None:
        self.done = True

    def _error(self, event: Mapping[str, Json]) -> None:
        self.done, self.flaw = True, self.flaw or "it was an error"

    def _count(self, usage: Json) -> None:
        """Counts are totals so far: the later one wins."""
        if type(usage) is dict:
            self.usage.update({k: v for k, v in usage.items() if v is not None})

    def verdict(self) -> Verdict:
        """After the last event."""
        unsaid = None if self.done else "its stream lacked the end, message_stop"
        unbegun = None if self._begun else "its stream lacked the beginning, message_start"
        flaw = self.flaw or (_flaw(self._reason, self._says) if self._reason else None) or unsaid or unbegun
        return Verdict(self.done, flaw or (None if self._reason else "it broke off"), read_usage(self.usage))


_SEEN: Final[Mapping[str, Callable[[_Watch, Mapping[str, Json]], None]]] = {
    "message_start": _Watch._start,
    "content_block_start": _Watch._start_block,
    "content_block_delta": _Watch._delta,
    "message_delta": _Watch._end,
    "message_stop": _Watch._stop,
    "error": _Watch._error,
}


def _judge_stream(answer: bytes) -> Verdict:
    watch = _Watch()
    for event in sse.events(answer):
        try:
            watch.see(event.data)
        except (AttributeError, TypeError, KeyError):  # an event of a shape that nobody has described
            watch.flaw = watch.flaw or "its stream was not of this protocol"
    return watch.verdict()


def convert(answer: bytes, have: Form, want: Form) -> bytes | None:
    """See ``dialect.Dialect.convert``."""
    if have.stream == want.stream:
        return answer  # there is one form of stream
    try:
        if have.stream:
            return orjson.dumps(fold(sse.events(answer)))
        return b"".join(unfold(read(answer.decode())))
    except (Unfit, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write_count(tokens: int) -> bytes:
    """The answer to a request to count the tokens of a prompt."""
    return orjson.dumps({"input_tokens": tokens})


def _loads(data: bytes) -> Json:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
