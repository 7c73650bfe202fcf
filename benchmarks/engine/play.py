"""A workload, played to one engine."""

from __future__ import annotations

import asyncio
from collections import deque
from time import perf_counter
from typing import NamedTuple

import aiohttp

from benchmarks.asking import Gateway
from benchmarks.engine.asked import Answer, ask
from benchmarks.engine.reading import Messages
from benchmarks.engine.workloads import Talk, Workload

HELLO: Messages = [("system", "You are kind."), ("user", "Say hello.")]


class Asked(NamedTuple):
    """A request and its answer."""

    messages: Messages
    answer: Answer


class Played(NamedTuple):
    """All of them, in the order in which they were answered."""

    asked: list[Asked]
    seconds: float


class _Talking:
    """A conversation under way."""

    def __init__(self, talk: Talk) -> None:
        self.left = deque(talk.turns)
        self.history = [("system", talk.system)]


def connected() -> aiohttp.ClientSession:
    """A connection for each request: some of the servers close one that was used without a word."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))


def play(engine: Gateway, workload: Workload) -> Played:
    """Ask all of it. Raises ``FailedError``, ``aiohttp.ClientError``."""
    return asyncio.run(_play(engine, workload))


async def _play(engine: Gateway, workload: Workload) -> Played:
    line = deque(_Talking(talk) for talk in workload.talks)
    asked: list[Asked] = []
    async with connected() as session:
        await ask(session, engine, HELLO, 8)  # what is prepared at the first request should not count
        begun = perf_counter()
        await asyncio.gather(*(_user(session, engine, line, asked) for _ in range(workload.concurrency)))
        return Played(asked, perf_counter() - begun)


async def _user(session: aiohttp.ClientSession, engine: Gateway, line: deque[_Talking], asked: list[Asked]) -> None:
    """Take the first conversation of the line, say its next turn, and put it back at the end: until none is left."""
    while line:
        talking = line.popleft()
        turn = talking.left.popleft()
        messages = [*talking.history, ("user", turn.text)]
        answer = await ask(session, engine, messages, turn.tokens)
        asked.append(Asked(messages, answer))
        talking.history = [*messages, ("assistant", answer.text)]
        if talking.left:
            line.append(talking)
