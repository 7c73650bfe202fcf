"""Marks by what a stream's own requests have shown: which are read again, and how soon."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.notes import MemoryNotes
from everwarm.core.marks import marks_in
from everwarm.rules import load

RULES = "Answer from the handbook, calmly, and in one sentence. " * 400
CASES = {
    "anthropic": ("anthropic_messages", "claude-sonnet-4-5"),
    "bedrock": ("anthropic_messages", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    "qwen": ("openai_chat", "qwen4-max"),
    "openai": ("openai_chat", "gpt-5.6"),
}
Body = dict[str, Any]
Sent = tuple[Body, list[str]]
"""A body as it goes out, and the path and lifetime of each mark in it."""

providers = pytest.mark.parametrize("provider", sorted(CASES))


class Stream:
    """The requests of one application, which goes to one provider."""

    def __init__(self, provider: str) -> None:
        self.dialect, self.model = CASES[provider]
        self.layout = Layout(MemoryNotes())
        self.wishes = Wishes("rewrite", rule=load().of(provider, self.model))
        self.now = 1e9

    def ask(self, *texts: str, after: float = 10.0) -> Sent:
        """A request whose messages are a user's and a model's in turn; ``after`` so many seconds."""
        self.now += after
        messages = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)]
        head: Body = {"system": RULES} if self.dialect == "anthropic_messages" else {}
        before = [] if head else [{"role": "system", "content": RULES}]
        value = {"model": self.model, **head, "messages": [*before, *messages]}
        made = self.layout.arrange("a", self.dialect, self.model, orjson.dumps(value), self.wishes, self.now)
        after_: Body = orjson.loads(made.data)
        return after_, [f"{mark.path[0]}{mark.path[1]} {mark.ttl}" for mark in marks_in(self.dialect, after_)]


def system(provider: str) -> str:
    return "messages0" if CASES[provider][0] == "openai_chat" else "system0"


@providers
def test_ends_are_marked_until_it_shows_that_nobody_goes_on(provider: str) -> None:
    stream = Stream(provider)
    ttl = "30m" if provider == "openai" else "5m"
    end = f"messages{int(CASES[provider][0] == 'openai_chat')} {ttl}"
    assert stream.ask("First?")[1] == [f"{system(provider)} {ttl}", end]
    for n in range(20):
        body, marks = stream.ask(f"Question {n}?")
    assert marks == [f"{system(provider)} {ttl}"]
    assert body.get("prompt_cache_options") == ({"mode": "explicit"} if provider == "openai" else None)
    for n in range(20):
        talk = [f"Talk {n}?", "Yes.", "And?", "No.", "Then?"]
        for turn in (1, 3, 5):
            body, marks = stream.ask(*talk[:turn])
    assert marks[0] == f"{system(provider)} {ttl}"
    assert len(marks) == (3 if provider == "openai" else 2)
    assert "prompt_cache_options" not in body


@providers
def test_lifetimes_are_those_that_can_be_asked_for(provider: str) -> None:
    """Ten minutes between two requests: what lives for five is never read."""
    stream = Stream(provider)
    for n in range(40):
        _, marks = stream.ask(f"Question {n}?", after=600.0)
    wanted = {"anthropic": ["1h"], "bedrock": ["1h"], "qwen": [], "openai": ["30m"]}
    assert [mark.split()[1] for mark in marks] == wanted[provider]
