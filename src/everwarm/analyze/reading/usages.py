"""Token counts under all the names that they have in logs, in the one normal form of ``core.usage``.

The question is always whether the prompt's count includes what a cache held. Anthropic's own and Bedrock's does not,
OpenAI's and Gemini's does, and gateways differ from version to version: where a total stands beside it, that tells.
Sources: the API references of the providers; LiteLLM issues 15056 and 23342; Langfuse issues 10592 and 12306.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from everwarm.core.dialects import anthropic_usage, openai_usage
from everwarm.core.dialects.counts import LIMIT
from everwarm.core.usage import Usage
from everwarm.core.wire import Json

_OF_ANTHROPIC: Final = frozenset(("cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation"))
_OF_OPENAI: Final = frozenset(
    ("prompt_tokens", "total_tokens", "input_tokens_details", "prompt_tokens_details", "completion_tokens")
)


def usage_of(value: Json) -> Usage | None:
    """From the member of an answer that tells of tokens, in any provider's terms; None if it holds no counts."""
    if not isinstance(value, dict):
        return None
    if "input_tokens" in value and _OF_ANTHROPIC & value.keys() and not _OF_OPENAI & value.keys():
        return anthropic_usage.read_usage(value)
    if "promptTokenCount" in value:
        return _gemini(value)
    if "inputTokens" in value:
        return _bedrock(value)
    usage = openai_usage.read_usage(value)
    if usage is not None and not _OF_ANTHROPIC.isdisjoint(value):  # a gateway that has the names of both
        read, written = count(value, "cache_read_input_tokens") or 0, count(value, "cache_creation_input_tokens") or 0
        if read + written > usage.prompt:
            return Usage(usage.prompt, read, usage.output, written, usage.reasoning)
    return usage


def count(value: Mapping[str, Json], *names: str) -> int | None:
    """The first member of these names that is a count, be it written as a text; None if none is."""
    for name in names:
        found = value.get(name)
        if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 10:
            found = int(found)
        if type(found) is int and 0 <= found < LIMIT:
            return found
    return None


def disjoint(
    prompt: int,
    output: int,
    *,
    read: int = 0,
    written: int = 0,
    long: int = 0,
    reasoning: int = 0,
    total: int | None = None,
    includes: bool = True,
) -> Usage:
    """Of counts that stand apart. ``includes`` is whether the prompt's is said to hold those of the cache (``written``
    holds ``long``); a total that fits only one of both, and parts that exceed their whole, know better."""
    cached = read + written
    if cached and total is not None and total - output in (prompt, prompt + cached):
        includes = total - output == prompt
    if cached > prompt:
        includes = False
    long = min(long, written)
    uncached = prompt - cached if includes else prompt
    return Usage(uncached, read, output, written - long, min(reasoning, output), long)


def _gemini(value: Mapping[str, Json]) -> Usage:
    """Its prompt includes what was cached; its thoughts are not among the candidates."""
    thought = count(value, "thoughtsTokenCount") or 0
    prompt = (count(value, "promptTokenCount") or 0) + (count(value, "toolUsePromptTokenCount") or 0)
    read = min(prompt, count(value, "cachedContentTokenCount") or 0)
    return Usage(prompt - read, read, (count(value, "candidatesTokenCount") or 0) + thought, reasoning=thought)


def _bedrock(value: Mapping[str, Json]) -> Usage | None:
    """As Converse tells it: the prompt without what a cache held."""
    prompt, output = count(value, "inputTokens"), count(value, "outputTokens")
    if prompt is None and output is None:
        return None
    read = count(value, "cacheReadInputTokens", "cacheReadInputTokenCount") or 0
    written = count(value, "cacheWriteInputTokens", "cacheWriteInputTokenCount") or 0
    return disjoint(prompt or 0, output or 0, read=read, written=written, includes=False)
