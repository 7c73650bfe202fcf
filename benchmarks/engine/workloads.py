"""What is asked: conversations of given lengths, and how many of them are under way at a time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmarks.engine.reading import Reader


class Turn(NamedTuple):
    """What the user says, and how many tokens the answer has."""

    text: str
    tokens: int


class Talk(NamedTuple):
    """A system prompt and turns. Each turn sends the whole history, with the answers that the engine really gave."""

    system: str
    turns: tuple[Turn, ...]


class Workload(NamedTuple):
    """``talks`` in the order in which they begin; after a turn a conversation goes to the end of the line."""

    title: str
    talks: tuple[Talk, ...]
    concurrency: int


def shared(reader: Reader, quick: bool) -> Workload:
    """Eight system prompts, four users each, in an order that is mixed but always the same."""
    passages, users = reader.passages(), 2 if quick else 4
    systems = [passages.next(800) for _ in range(4 if quick else 8)]
    talks = [Talk(system, (_question(user, 16),)) for system in systems for user in range(users)]
    random.Random(0).shuffle(talks)
    return Workload(f"{len(systems)} system prompts of 800 tokens x {users} users", tuple(talks), 4)


def one_prompt(reader: Reader, quick: bool) -> Workload:
    """Many users of one long prompt."""
    system, users = reader.passages().next(3_000), 16 if quick else 64
    talks = tuple(Talk(system, (_question(user, 16),)) for user in range(users))
    return Workload(f"{users} users of one prompt of 3,000 tokens", talks, 8)


def conversations(reader: Reader, quick: bool) -> Workload:
    """Interleaved: the next turn of each, then the one after that of each."""
    passages, count, turns = reader.passages(), 4 if quick else 8, 3 if quick else 6
    talks = [Talk(passages.next(300), tuple(Turn(passages.next(60), 32) for _ in range(turns))) for _ in range(count)]
    return Workload(f"{count} conversations of {turns} turns", tuple(talks), 4)


AGENT_SYSTEM = 1_338
AGENT_TURNS = (
    *((16, 29), (37, 40), (9, 68), (295, 112), (8, 65), (328, 53), (21, 42), (11, 69), (334, 81), (9, 66)),
    *((368, 53), (33, 68), (331, 98), (27, 109), (1, 85), (552, 86), (550, 81), (6, 51), (8, 171), (358, 61)),
)
"""Lengths in tokens, of one airline agent of tau-bench (Sierra, MIT licence): its policy; what it read before each of
its calls, from the customer or a tool; and what it wrote."""


def agent(reader: Reader, quick: bool) -> Workload:
    """One agent, one call after another, with a history that grows to six thousand tokens."""
    passages, calls = reader.passages(), AGENT_TURNS[: 5 if quick else None]
    turns = tuple(Turn(passages.next(read), written) for read, written in calls)
    return Workload(f"an agent of {len(turns)} calls", (Talk(passages.next(AGENT_SYSTEM), turns),), 1)


WORKLOADS: Mapping[str, Callable[[Reader, bool], Workload]] = {
    "shared": shared,
    "one_prompt": one_prompt,
    "conversations": conversations,
    "agent": agent,
}
"""Each by its name; with True a smaller one, to see that all runs."""


def _question(user: int, tokens: int) -> Turn:
    return Turn(f"I am user number {user}. What does this text say about names, in one sentence?", tokens)
