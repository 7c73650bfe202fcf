"""The shell around ``core.policy``: one loop that performs the effects of one chat request's life."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Final
from uuid import uuid4

from everwarm.core import policy
from everwarm.core.answer import Stored, unpack
from everwarm.core.body import read
from everwarm.core.dialects import openai_chat
from everwarm.core.dialects.openai_chat_answer import Chunks, Head, replay_stream
from everwarm.core.usage import Usage
from everwarm.core.wire import Done, Prefilled, Request
from everwarm.errors import EverwarmError
from everwarm.gateway.ask import LARGE, Ask, aside
from everwarm.gateway.exchange import EVENTS, JSON, Exchange, Headers
from everwarm.gateway.flights import Call
from everwarm.gateway.house import House
from everwarm.gateway.keep import keeper
from everwarm.store.protocol import Entry

RECALL_SECONDS: Final = 0.25
"""How long the disk may take to give an answer back. Past that the model is asked: a slow disk costs no more."""

LONGEST_WHY: Final = 200
_NO_BUFFER: Final = (b"x-accel-buffering", b"no")  # a reverse proxy in front must not hold a stream back


class Run:
    """One request, from its key to its last byte."""

    def __init__(self, house: House, x: Exchange, ask: Ask) -> None:
        self.house = house
        self.x = x
        self.ask = ask
        self._request: Request | None = None
        self.life, self._effect = policy.begin(ask.control)
        self.usage: Usage | None = None
        self.prefilled: Prefilled | None = None
        self.original_seconds = 0.0  # how long the answer took that is served again
        self._entry: Entry | None = None
        self._stored: Stored | None = None
        self._call: Call | None = None
        self._joined = False
        self._watch: asyncio.Task[None] | None = None

    @property
    def via(self) -> str:
        """Who made the answer, as ``x-everwarm-via`` says it."""
        return "exact" if self.life.cache == "hit" else self.ask.question.target.upstream.name

    @property
    def request(self) -> Request:
        """The request as a model reads it. Raises ``BadRequest``."""
        if self._request is None:
            self._request = openai_chat.parse(read(self.ask.data).value)
        return self._request

    @property
    def _large(self) -> bool:
        return len(self.ask.data) > LARGE

    async def live(self) -> None:
        """Until there is nothing more to do. Raises ``BadRequest`` for a large body that does not parse."""
        try:
            if not self.ask.control.read:
                await self._parse_aside()
            while self._effect is not None:
                event = await self._perform(self._effect)
                self.life, self._effect = policy.step(self.life, event)
        finally:
            if self._watch is not None:
                self._watch.cancel()
            if self._call is not None:
                self.house.tower.leave(self._call)

    async def _perform(self, effect: policy.Effect) -> policy.Event:
        try:
            if isinstance(effect, policy.Recall):
                return await self._recall(effect.max_age)
            if isinstance(effect, policy.Replay):
                return await self._replay()
            if isinstance(effect, policy.Fly):
                self._joined = self._board(effect.how)
                return await self._while_there(self._first_event())
            if isinstance(effect, policy.Forward):
                return await self._while_there(self._forward())
            await self.x.refuse(effect.error)
            return policy.Sent()
        except EverwarmError as e:
            return policy.Failed(e)

    async def _recall(self, max_age: float | None) -> policy.Event:
        now = self.house.clock()
        store, key = self.house.store, self.ask.question.key
        assert store is not None  # else the control would not allow to read
        entry = store.peek(key, now)
        if entry is None and (store.deep or self._large):
            # While the disk was asked, a flight for the same key may have landed: then the answer is in memory now.
            # From here to boarding nothing is awaited, so no flight can slip through between the look and the call.
            entry = await self._from_disk(now) if store.deep else None
            if entry is None:
                await self._parse_aside()
            now = self.house.clock()
            entry = entry or store.peek(key, now)
        if entry is None:
            return policy.Absent(self.house.recent.explain(key, self.ask.question.canonical, now))
        age = max(0.0, now - entry.created)
        if max_age is not None and age > max_age:
            self.house.recent.note(key, self.ask.question.canonical, now)
            return policy.Absent(f"its stored answer is {age:.0f} s old, and max-age={max_age:.0f} was asked")
        stored = unpack(entry.payload)
        if stored is None:
            return policy.Absent("its stored answer is of another version of Everwarm")
        self._entry, self._stored = entry, stored
        return policy.Found()

    async def _parse_aside(self) -> None:
        if self._large:
            await aside(self.house, self.ask.data, lambda: self.request)

    async def _from_disk(self, now: float) -> Entry | None:
        store = self.house.store
        assert store is not None
        work = asyncio.get_running_loop().run_in_executor(self.house.threads, store.recall, self.ask.question.key, now)
        try:
            async with asyncio.timeout(RECALL_SECONDS):
                return await work
        except TimeoutError:
            return None

    async def _replay(self) -> policy.Event:
        stored, entry = self._stored, self._entry
        assert stored is not None
        assert entry is not None
        self.usage, self.original_seconds = stored.usage, stored.seconds
        age = max(0, int(self.house.clock() - entry.created))
        if self.ask.question.envelope.stream:
            body = replay_stream(stored, include_usage=self.ask.question.envelope.include_usage)
            await self.x.start(200, [EVENTS, _NO_BUFFER, *self._headers(age)])
            await self.x.write(body, more=False)
        else:
            await self.x.reply(200, [JSON, *self._headers(age)], stored.body)
        return policy.Sent()

    async def _while_there(self, work: Coroutine[None, None, policy.Event]) -> policy.Event:
        """What ``work`` says, unless the client goes away first: then the work is dropped."""
        if self._watch is None:
            self._watch = asyncio.create_task(self.x.gone())
        task = asyncio.create_task(work)
        try:
            await asyncio.wait({task, self._watch}, return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else policy.Gone()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})

    def _board(self, how: policy.How) -> bool:
        """Board the flight for this key, or a new one; whether somebody else had started it."""
        ask = self.ask
        request = self.request
        ask.question.target.upstream.check(request)
        if how == "anew":
            self.house.recent.note(ask.question.key, ask.question.canonical, self.house.clock())
        self._call, joined = self.house.tower.board(
            None if how == "alone" else ask.question.key,
            self._new_head,
            lambda: ask.question.target.upstream.ask(request, ask.question.namespace),
            keeper(self.house, self.x, ask),
            anew=how == "anew",
        )
        return joined

    async def _first_event(self) -> policy.Event:
        """From here on the answer can be begun."""
        assert self._call is not None
        async for _ in self._call.events():
            break
        return policy.Aboard(self._joined)

    def _new_head(self) -> Head:
        card = self.ask.question.target.card
        return Head(f"chatcmpl-{uuid4().hex}", int(self.house.clock()), card.id, f"fp_{card.fingerprint[:12]}")

    async def _forward(self) -> policy.Event:
        call = self._call
        assert call is not None
        await (self._forward_stream(call) if self.ask.question.envelope.stream else self._forward_body(call))
        self.original_seconds = call.seconds
        return policy.Sent()

    async def _forward_body(self, call: Call) -> None:
        async for event in call.events():
            self._note(event)
        await self.x.reply(200, [JSON, *self._headers(0)], call.body)

    async def _forward_stream(self, call: Call) -> None:
        chunks = Chunks(call.head, include_usage=self.ask.question.envelope.include_usage)
        await self.x.start(200, [EVENTS, _NO_BUFFER, *self._headers(0)])
        async for event in call.events():
            self._note(event)
            if piece := chunks.write(event):
                await self.x.write(piece)
        await self.x.write(b"", more=False)

    def _note(self, event: object) -> None:
        if isinstance(event, Prefilled):
            self.prefilled = event
        elif isinstance(event, Done):
            self.usage = event.usage

    def _headers(self, age: int) -> Headers:
        """How this answer was made."""
        headers = [
            (b"x-everwarm-cache", self.life.cache.encode()),
            (b"x-everwarm-via", self.via.encode()),
            (b"x-everwarm-key", self.ask.question.key.text.encode()),
            (b"x-everwarm-age", b"%d" % age),
        ]
        if self.life.why:
            headers.append((b"x-everwarm-why", self.life.why[:LONGEST_WHY].encode("ascii", "backslashreplace")))
        return headers
