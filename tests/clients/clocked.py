"""Programs as people write them: a system prompt that begins with the time, and a conversation of several turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import anthropic
import openai

from clients.turn import KEY, Place

RULES = "\n".join(
    f"{number}. Questions about {topic} are answered from the handbook, in a calm and friendly tone, in one sentence."
    for number, topic in enumerate(("orders", "returns", "repairs", "invoices", "delivery", "gifts", "accounts"), 1)
)
QUESTIONS = ("What is a cache?", "Who needs one?", "What does it cost?", "When is it of no use?", "And at night?")

MANUAL = f"You are the assistant of a shop that sells clocks. These are the rules of the house:\n{RULES}\n" * 2


def clocks() -> Iterator[str]:
    """The time at each turn."""
    return (f"2026-03-0{day} 09:{minute:02}:{7 * day + minute:02}" for day in (1, 2, 3) for minute in range(5, 45, 3))


def system(clock: str) -> str:
    """Characters 14 to 33 are the clock."""
    return f"Current time: {clock}\n{MANUAL}"


class Reply(NamedTuple):
    """What a program has of one turn."""

    why: str  # x-everwarm-why
    prompt: int  # tokens, with those from a cache
    cached: int  # of these


Program = Callable[[Place, str, Iterator[str]], list[Reply]]


def chat(place: Place, model: str, clock: Iterator[str]) -> list[Reply]:
    """With the OpenAI SDK. One conversation."""
    talk: list[Any] = []
    replies = []
    with openai.OpenAI(base_url=place.openai, api_key=KEY, max_retries=0) as client:
        for question in QUESTIONS:
            talk.append({"role": "user", "content": question})
            messages = [{"role": "system", "content": system(next(clock))}, *talk]
            raw = client.chat.completions.with_raw_response.create(model=model, messages=messages, max_tokens=8)
            answer = raw.parse()
            talk.append({"role": "assistant", "content": answer.choices[0].message.content})
            assert answer.usage is not None
            details = answer.usage.prompt_tokens_details
            cached = details.cached_tokens if details is not None else None
            replies.append(Reply(raw.headers.get("x-everwarm-why", ""), answer.usage.prompt_tokens, cached or 0))
    return replies


def messages(place: Place, model: str, clock: Iterator[str]) -> list[Reply]:
    """The same with the Anthropic SDK."""
    talk: list[Any] = []
    replies = []
    with anthropic.Anthropic(base_url=place.anthropic, api_key=KEY, max_retries=0) as client:
        for question in QUESTIONS:
            talk.append({"role": "user", "content": question})
            raw = client.messages.with_raw_response.create(
                model=model, system=system(next(clock)), messages=talk, max_tokens=8
            )
            answer = raw.parse()
            talk.append({"role": "assistant", "content": answer.content})
            cached = answer.usage.cache_read_input_tokens or 0
            read = answer.usage.input_tokens + cached + (answer.usage.cache_creation_input_tokens or 0)
            replies.append(Reply(raw.headers.get("x-everwarm-why", ""), read, cached))
    return replies


PROGRAMS = (chat, messages)
