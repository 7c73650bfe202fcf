"""Which part of a prompt the provider has read before: what its prompt cache would report.

As the real ones in kind, not in size: no minimum, steps of one token, nothing expires. A prompt is a list of blocks,
a block a list of words, in the order that a model reads them: tools, system, messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

LOOK_BACK = 20
"""How many blocks before a mark Anthropic looks for something written."""

MARK = "cache_control"
SILENT = frozenset({MARK, "type", "id", "call_id", "tool_call_id", "tool_use_id"})
"""Members that a model does not read."""


class Block(NamedTuple):
    """A piece of a prompt. ``ttl`` is that of the mark it bears: "5m", "1h", or "" without one."""

    words: tuple[str, ...]
    ttl: str = ""


@dataclass(frozen=True)
class Cached:
    """How many tokens of a prompt were read from the cache, and how many written to it, by how long they live."""

    read: int = 0
    written_5m: int = 0
    written_1h: int = 0


class Prefixes:
    """Remembers per owner: a credential and a model."""

    def __init__(self) -> None:
        self._prompts: dict[tuple[str, str], list[tuple[str, ...]]] = {}
        self._written: dict[tuple[str, str], set[tuple[str, ...]]] = {}

    def automatic(self, owner: tuple[str, str], blocks: Iterable[Block]) -> Cached:
        """As OpenAI: the longest prefix shared with any earlier prompt, but never the last token."""
        prompt = tuple(w for b in blocks for w in b.words)
        earlier = self._prompts.setdefault(owner, [])
        longest = max((_shared(prompt, p) for p in earlier), default=0)
        earlier.append(prompt)
        return Cached(min(longest, max(0, len(prompt) - 1)))

    def marked(self, owner: tuple[str, str], blocks: list[Block]) -> Cached:
        """As Anthropic: up to the last mark; read where the same was written before, at most 20 blocks back."""
        marks = [i for i, b in enumerate(blocks) if b.ttl]
        if not marks:
            return Cached()
        prompt = tuple(w for b in blocks for w in b.words)
        ends = list(accumulate(len(b.words) for b in blocks))
        written = self._written.setdefault(owner, set())
        near = {i for m in marks for i in range(max(0, m - LOOK_BACK), m + 1)}
        read = max((ends[i] for i in near if prompt[: ends[i]] in written), default=0)
        written.update(prompt[: ends[m]] for m in marks)
        hour = max((ends[m] for m in marks if blocks[m].ttl == "1h"), default=0)
        return Cached(read, max(0, ends[marks[-1]] - max(read, hour)), max(0, hour - read))


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    for i, (a, b) in enumerate(zip(one, other, strict=False)):
        if a != b:
            return i
    return min(len(one), len(other))


def block(value: Any, *before: str) -> Block:
    """A part of a request as a block: its words, in its own order."""
    mark = value.get(MARK) if isinstance(value, dict) else None
    ttl = mark.get("ttl", "5m") if isinstance(mark, dict) else ""
    return Block((*before, *_read(value)), ttl)


def _read(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from value.split()
    elif isinstance(value, dict):
        for key, member in value.items():
            if key not in SILENT:
                yield from _read(member)
    elif isinstance(value, list):
        for member in value:
            yield from _read(member)
    elif value is not None:
        yield str(value)
