"""Token counts as the Anthropic protocol reports them.

Source: Claude API reference, "The Message object" and "Prompt caching", as of November 2026. Here
``input_tokens`` is only what was neither read from a cache nor written to one.
"""

from __future__ import annotations

from everwarm.core.dialects.counts import count, inner
from everwarm.core.usage import Usage
from everwarm.core.wire import Json


def read_usage(value: Json) -> Usage | None:
    """From the member ``usage`` of an answer; None if it holds no counts.

    Of what was written to a cache, ``cache_creation`` says for how long. Where it does not, five minutes are the rule.
    """
    if type(value) is not dict:
        return None
    uncached, output = count(value, "input_tokens"), count(value, "output_tokens")
    if uncached is None and output is None:
        return None
    short, long = _written(value)
    thought = count(inner(value, "output_tokens_details"), "thinking_tokens") or 0
    return Usage(
        uncached=uncached or 0,
        cache_read=count(value, "cache_read_input_tokens") or 0,
        output=output or 0,
        cache_write=short,
        reasoning=min(thought, output or 0),
        cache_write_long=long,
    )


def _written(value: dict[str, Json]) -> tuple[int, int]:
    """Tokens written for five minutes, and for one hour. A stream brings the total up to date, but not its parts."""
    parts = inner(value, "cache_creation")
    short = count(parts, "ephemeral_5m_input_tokens") or 0
    long = count(parts, "ephemeral_1h_input_tokens") or 0
    total = count(value, "cache_creation_input_tokens")
    if total is None:
        return short, long
    long = min(long, total)
    return total - long, long


def write_usage(usage: Usage) -> dict[str, Json]:
    """In the terms of a message."""
    return {
        "input_tokens": usage.uncached,
        "cache_creation_input_tokens": usage.cache_write + usage.cache_write_long,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
