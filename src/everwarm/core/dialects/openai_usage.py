"""Token counts as the OpenAI protocols report them, and as others report them under the same names.

Sources: the API references of OpenAI (chat and Responses), DeepSeek, Moonshot, xAI, Groq, Mistral, Qwen, Gemini,
OpenRouter, vLLM, SGLang and llama.cpp's server, as of November 2026. In all of them the prompt's count includes what
was read from a cache and written to it. In most the output's count includes reasoning; xAI and Gemini leave it out.
Some gateways to Bedrock leave out of the prompt what a cache held. Of both only ``total_tokens`` tells.
"""

from __future__ import annotations

from typing import Final

from everwarm.core.dialects.counts import count, inner
from everwarm.core.usage import Usage
from everwarm.core.wire import Done, Json

_PROMPT: Final = ("prompt_tokens", "input_tokens")
_OUTPUT: Final = ("completion_tokens", "output_tokens")
_READ: Final = ("cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens", "cache_read_input_tokens")
_WRITTEN: Final = ("cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens")


def read_usage(value: Json) -> Usage | None:
    """From the member ``usage`` of an answer; None if it holds no counts."""
    if type(value) is not dict:
        return None
    prompt, output = count(value, *_PROMPT), count(value, *_OUTPUT)
    if prompt is None and output is None:
        return None
    return _disjoint(value, prompt or 0, output or 0)


def _disjoint(value: dict[str, Json], prompt: int, output: int) -> Usage:
    """What the total has more than its two parts is what one of them leaves out: reasoning, or what a cache held."""
    read, short, long = _reused(value)
    thought = _thought(value)
    more = max(0, (count(value, "total_tokens") or 0) - prompt - output)
    if more and more == read + short + long and more != thought:
        prompt += more
    elif more:
        output, thought = output + more, thought or more
    read = min(read, prompt)  # a count that exceeds its whole is a mistake; never let the rest go below zero
    short = min(short, prompt - read)
    long = min(long, prompt - read - short)
    return Usage(prompt - read - short - long, read, output, short, min(thought, output), long)


def _reused(value: dict[str, Json]) -> tuple[int, int, int]:
    """Tokens read from a cache, written for its shorter TTL, written for its longer one."""
    details = inner(value, "prompt_tokens_details", "input_tokens_details", "prompt_token_details")
    read = _either(details, value, *_READ)
    written = _either(details, value, *_WRITTEN)
    long = min(written, count(inner(details, "cache_creation"), "ephemeral_1h_input_tokens") or 0) if written else 0
    return read, written - long, long


def _thought(value: dict[str, Json]) -> int:
    details = inner(value, "completion_tokens_details", "output_tokens_details")
    return _either(details, value, "reasoning_tokens")


def write_chat(done: Done) -> dict[str, Json]:
    """In the terms of chat and completions. Drafts are told of as if they all came of the client's ``prediction``."""
    usage = done.usage
    drafts = {"accepted_prediction_tokens": done.accepted, "rejected_prediction_tokens": done.rejected}
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, **(drafts if any(drafts.values()) else {})},
    }


def _either(details: dict[str, Json], value: dict[str, Json], *names: str) -> int:
    """The first count of these names, from the details if they have one; 0 if there is none."""
    found = count(details, *names) if details else None
    return found if found is not None else count(value, *names) or 0
