"""One row a request: what was asked, how it was answered, what that cost and saved. No prompt text, no credential."""

from __future__ import annotations

from typing import Final, NamedTuple

APPLICATION: Final = 0x45764C31  # "EvL1"
"""Which SQLite files hold rows: the ``application_id`` in their headers."""


class Row(NamedTuple):
    """One request. Times in seconds since 1970, durations in milliseconds, sizes in bytes."""

    at: float  # when it arrived
    namespace: str  # Namespace.id
    dialect: str  # "openai_chat"
    model: str  # the resolved id; "" if there was none
    status: int  # HTTP status
    cache: str  # "hit" | "miss" | "bypass" | "joined" | "" (an error before that was known)
    via: str  # "exact" | "engine" | "upstream:<name>" | ""
    stream: bool
    bytes_in: int
    bytes_out: int
    prompt: int  # prompt tokens that the client asked for
    output: int  # output tokens that the client got
    prefix_cached: int  # of the prompt: taken from a KV cache *in this request* (0 for hit and joined)
    ttft_ms: float  # to the first byte of the answer's body
    total_ms: float  # to its last byte
    saved_ms: float  # measured: what the original took less what this took (hit, joined); else 0
    prefill_ms: float  # time spent computing the prompt tokens that were not cached; 0 where not known
    reason: str  # in words, as x-everwarm-why says it
