"""How much of the planted requests a cache would have read: as they come, and as the layout engine sends them.

Anthropic's cache reads nothing without marks. So before as after they are set by our rule, on bodies in its protocol:
what differs is the layout alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import orjson

from benchmarks.layout.messages import translated
from benchmarks.layout.plants import Call
from everwarm.core.breakpoints import place
from everwarm.core.caches import AnthropicCache, IdealCache, OpenAICache, Reading
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.compact import compact
from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.notes import MemoryNotes
from everwarm.core.layout.outline import outline, rendered
from everwarm.core.layout.splice import splice
from everwarm.core.marks import blocks, marks_in
from everwarm.core.rules import Rule

CHARACTERS: Final = 4
"""Of a token, as all our estimates have it."""

OPENAI: Final = "openai_chat"
ANTHROPIC: Final = "anthropic_messages"


class Sent(NamedTuple):
    """One request as it goes out, in seconds since 1970."""

    data: bytes
    at: float


class Rate(NamedTuple):
    """In characters or tokens."""

    read: int
    total: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.read / self.total


def came(calls: Iterable[Call]) -> list[Sent]:
    """As the client wrote them."""
    return [Sent(orjson.dumps(call.body), call.at) for call in calls]


def rewritten(row: Iterable[Sent], dialect: str = OPENAI, model: str = "gpt-5-mini") -> list[Sent]:
    """As they go out; without marks, which ``anthropic`` sets on those that came as well."""
    layout, wishes = Layout(MemoryNotes()), Wishes("rewrite")
    return [Sent(layout.arrange("public", dialect, model, data, wishes, at).data, at) for data, at in row]


def ideal(row: Iterable[Sent]) -> Rate:
    """An unlimited cache to the character."""
    cache = IdealCache()
    return _sum(cache.ask(_text(data)) for data, _ in row)


def openai(row: Iterable[Sent], rule: Rule) -> Rate:
    """As OpenAI's rule says."""
    cache = OpenAICache(rule, CHARACTERS)
    return _sum(cache.ask(_text(data), at) for data, at in row)


def anthropic(row: Iterable[Sent], rule: Rule) -> Rate:
    """As Anthropic's rule says, with marks of its first lifetime where ours go."""
    cache = AnthropicCache(rule)
    return _sum(_asked(cache, data, at, rule) for data, at in row)


def in_messages(calls: Iterable[Call]) -> list[Sent]:
    """The same requests in Anthropic's protocol."""
    return [Sent(orjson.dumps(translated(call.body)), call.at) for call in calls]


def _asked(cache: AnthropicCache, data: bytes, at: float, rule: Rule) -> Reading:
    value = orjson.loads(data)
    bare = [(compact(block.value), len(compact(block.value)) // CHARACTERS) for block in blocks(ANTHROPIC, value)]
    ttl = rule.ttls[0].name
    marked = orjson.loads(splice(data, place(ANTHROPIC, value, outline(ANTHROPIC, value), rule, ttl, ttl)))
    paths = [block.path for block in blocks(ANTHROPIC, marked)]
    return cache.ask(bare, at, [(paths.index(mark.path), mark.ttl) for mark in marks_in(ANTHROPIC, marked)])


def _sum(readings: Iterable[Reading]) -> Rate:
    read = total = 0
    for one in readings:
        read, total = read + one.read, total + one.total
    return Rate(read, total)


def _text(data: bytes) -> str:
    return rendered(outline(OPENAI, orjson.loads(data)))
