"""Counts of tokens in a Codex rollout, each call's once."""

from __future__ import annotations

from typing import Final

from everwarm.analyze.formats.entries import part
from everwarm.core.dialects.counts import count
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_TOTAL: Final = (
    *("input_tokens", "cached_input_tokens", "cache_write_input_tokens"),
    *("output_tokens", "reasoning_output_tokens"),
)


class Counts:
    """What was counted so far in a file."""

    def __init__(self) -> None:
        self.none = True  # whether no call was counted yet
        self.state: tuple[int, ...] = ()  # the total after the last event, which no two calls of a session share
        self._twin: tuple[str, Usage] | None = None  # what the other kind of line may still repeat

    def event(self, info: dict[str, Json]) -> Usage | None:
        """Of an event ``token_count``; None if it is no new call: the total is as it was, or only an estimate."""
        last, total = part(info, "last_token_usage"), part(info, "total_token_usage")
        state = tuple(count(total, name) or 0 for name in _TOTAL)
        if total and state == self.state:
            return None
        if not last and total:  # some versions tell the total only
            more = [new - was for new, was in zip(state, self.state or (0,) * len(state), strict=True)]
            last = dict(zip(_TOTAL, state if min(more) < 0 else more, strict=True))  # or it began anew
        if total:
            self.state = state
        return self._new("event", _usage(last))

    def record(self, payload: dict[str, Json]) -> Usage | None:
        """Of a ``token_usage_record``."""
        return self._new("record", _usage(part(payload, "usage")))

    def _new(self, kind: str, usage: Usage | None) -> Usage | None:
        if usage is None:
            return None
        self.none = False
        if self._twin is not None and self._twin[0] != kind and self._twin[1] == usage:
            self._twin = None
            return None
        self._twin = kind, usage
        return usage


def _usage(value: dict[str, Json]) -> Usage | None:
    """The input holds what was read and written, the output what was thought. None if nothing was asked."""
    prompt, output = count(value, "input_tokens") or 0, count(value, "output_tokens") or 0
    if not prompt + output:
        return None
    read = min(prompt, count(value, "cached_input_tokens", "cache_read_input_tokens") or 0)
    written = min(prompt - read, count(value, "cache_write_input_tokens") or 0)
    thought = min(output, count(value, "reasoning_output_tokens") or 0)
    return Usage(prompt - read - written, read, output, written, thought)
