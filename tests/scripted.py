"""An upstream that does what a test tells it to: it counts, waits, breaks off, or answers with a nonce."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from everwarm.core.key import Namespace
from everwarm.core.upstream import ModelCard, Prefix, Warmed
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish, Prefilled, Request
from everwarm.errors import Unsupported

CARD = ModelCard("test-model", ("default", "tm"), 1_700_000_000, "everwarm", 4096, "0123456789abcdef0123")


class Scripted:
    """Answers "answer N to <last message>" in three deltas; N counts calls, so no two answers are alike."""

    name = "engine"

    def __init__(self, card: ModelCard = CARD) -> None:
        self.card = card
        self.asked: list[tuple[Request, Namespace]] = []
        self.cancelled = 0
        self.finished = 0
        self.finish: str = "stop"
        self.shifted = 0
        self.text: Callable[[int, Request], str] = lambda n, r: f"answer {n} to {r.prompt or r.messages[-1].text}"
        self.fail_at: dict[int, Exception] = {}  # number of the event, from 0 -> what is raised there
        self.stop_at: int | None = None  # end without Done before this event
        self.hold_at: int | None = None  # wait for ``go`` before this event
        self.holding = threading.Event()
        self.go = threading.Event()

    def models(self) -> Sequence[ModelCard]:
        return [self.card]

    def check(self, request: Request) -> None:
        if request.rest.get("logprobs"):
            raise Unsupported("logprobs is not offered here.", param="logprobs")

    async def ask(self, request: Request, namespace: Namespace) -> AsyncIterator[Event]:
        self.asked.append((request, namespace))
        try:
            for i, event in enumerate(self._events(len(self.asked), request)):
                await self._script(i)
                if i == self.stop_at:
                    return
                yield event
            self.finished += 1
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise

    async def _script(self, i: int) -> None:
        if i in self.fail_at:
            raise self.fail_at[i]
        if i == self.hold_at:
            self.holding.set()
            while not self.go.is_set():
                await asyncio.sleep(0.005)
        await asyncio.sleep(0)

    def _events(self, n: int, request: Request) -> list[Event]:
        text = self.text(n, request)
        third = max(1, len(text) // 3)
        pieces = [p for p in (text[:third], text[third : 2 * third], text[2 * third :]) if p]
        prompt = sum(len(t.split()) for t in (request.prompt or "", *(m.text for m in request.messages)))
        events: list[Event] = [Prefilled(prompt, 1, 0.01, self.shifted)]
        for choice in range(request.sampling.n):
            events += [Delta(choice, p) for p in pieces]
            events.append(Finish(choice, self.finish))  # type: ignore[arg-type]
        return [*events, Done(Usage(prompt - 1, 1, len(pieces)))]

    def figures(self) -> Mapping[tuple[str, str], float]:
        return {}

    async def count(self, request: Request) -> int:
        return sum(len(m.text.split()) for m in request.messages)

    async def warm(self, request: Request, namespace: Namespace, *, pin: bool = False) -> Warmed:
        tokens = await self.count(request)
        return Warmed("0" * 32, tokens, tokens, 0, pin)

    async def prefixes(self, namespace: Namespace, limit: int) -> Sequence[Prefix]:
        return []

    async def unpin(self, namespace: Namespace, name: str) -> bool:
        return False

    async def close(self) -> None:
        pass
