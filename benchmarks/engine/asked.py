"""One chat request to an engine, streamed, and what can be told of it from outside."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from time import perf_counter
from typing import Any, NamedTuple

import aiohttp

from benchmarks.asking import Gateway
from benchmarks.engine.reading import Messages

LIMIT = aiohttp.ClientTimeout(total=1_800)
GREEDY = {"temperature": 0, "stream": True, "stream_options": {"include_usage": True}}
ASKED_ANEW = {"cache-control": "no-cache"}
"""Our response cache does not answer, and the KV may rest on disk. Others do not know the header."""


class Answer(NamedTuple):
    """``first``: seconds until the first piece of text. ``computed``: tokens of the prompt that were not in the cache,
    None where the engine does not say."""

    text: str
    first: float
    seconds: float
    prompt: int
    computed: int | None
    tokens: int


class FailedError(Exception):
    """An engine did not answer as it should. Says what it said."""


async def ask(
    session: aiohttp.ClientSession,
    engine: Gateway,
    messages: Messages,
    tokens: int,
    members: Mapping[str, Any] | None = None,
) -> Answer:
    """The answer, of ``tokens`` tokens at most. ``members``: others than those with which it goes on after its end.
    Raises ``FailedError``, ``aiohttp.ClientError``."""
    given = [{"role": role, "content": text} for role, text in messages]
    more = engine.members if members is None else members
    body = {"model": engine.model, "messages": given, "max_tokens": tokens, **GREEDY, **more}
    texts, first, usage = [], 0.0, None
    begun = perf_counter()
    async with session.post(engine.server.url + engine.path, json=body, headers=ASKED_ANEW, timeout=LIMIT) as response:
        if response.status != 200:
            raise FailedError(f"{response.status}: {(await response.text())[:300]}")
        async for chunk in _chunks(response):
            if text := "".join(choice["delta"].get("content") or "" for choice in chunk["choices"]):
                first = first or perf_counter() - begun
                texts.append(text)
            usage = chunk.get("usage") or usage
    if usage is None or not texts:
        raise FailedError(f"no whole answer: {''.join(texts)[:300]!r}")
    return _answer("".join(texts), first, perf_counter() - begun, usage)


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    async for line in response.content:
        if line.startswith(b"data:") and (data := line[5:].strip()) != b"[DONE]":
            chunk = json.loads(data)
            if "error" in chunk:
                raise FailedError(str(chunk["error"])[:300])
            yield chunk


def _answer(text: str, first: float, seconds: float, usage: dict[str, Any]) -> Answer:
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens")
    prompt = usage["prompt_tokens"]
    computed = None if cached is None else prompt - cached
    return Answer(text, first, seconds, prompt, computed, usage["completion_tokens"])
