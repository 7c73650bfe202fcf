"""``POST /v1/embeddings``: an upstream is asked only for what it has not been asked before, input by input.

          all stored ──▶ put together                                  x-everwarm-cache: hit
recall ──▶ none      ──▶ the client's bytes go up, the answer comes back, byte for byte    miss
          some       ──▶ a request for the missing ones; stored and new are put together   miss
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from everwarm.core import policy
from everwarm.core.body import Body
from everwarm.core.dialects.openai_embeddings import DIALECT, UPSTREAM_NEEDED
from everwarm.core.embeddings import weight, with_inputs
from everwarm.core.key import ExactKey
from everwarm.core.usage import Usage
from everwarm.core.vectors import Vector, apart, together
from everwarm.core.wire import Json
from everwarm.errors import ModelNotFound
from everwarm.gateway.ask import LARGE, Ask, aside, context_of
from everwarm.gateway.converse import converse
from everwarm.gateway.door.exchange import JSON, Exchange
from everwarm.gateway.embeddings import shelf
from everwarm.gateway.embeddings.batch import Batch, batch_of
from everwarm.gateway.embeddings.shelf import Shelved
from everwarm.gateway.house import House
from everwarm.gateway.how import told, told_of_hit
from everwarm.gateway.run import Run
from everwarm.gateway.upstreams.headers import Headers
from everwarm.gateway.upstreams.source import Sending

LIMIT: Final = 64 * 2**20
"""Bytes of an answer that are kept to be taken apart: the largest batch of OpenAI's, in base64, has half of that."""


async def embeddings(house: House, x: Exchange) -> None:
    """The handler."""
    house.auth.caller(x)
    if not house.directory.of_vendor(DIALECT.vendor):
        raise ModelNotFound(f"Nothing here makes embeddings. {UPSTREAM_NEEDED}", param="model")
    await converse(house, x, DIALECT, Embedding)


class Embedding(Run):
    """One request for embeddings. It lives as any other, but what is stored and asked for is a part of it."""

    def __init__(self, house: House, x: Exchange, ask: Ask, body: Body | None) -> None:
        super().__init__(house, x, ask, None)
        self._batch: Batch | None = None  # None: nothing of it may be stored, so it passes as it is
        self._found: dict[ExactKey, Shelved] = {}
        self._asked: Sequence[Json] = ()  # the inputs that the upstream is asked for
        self._untouched = False  # whether it is asked with the client's bytes, whatever is stored
        self._vectors: Sequence[Vector] = ()  # of all inputs, where the answer is put together
        self._around: Vector | None = None  # the one of them whose answer lends the frame

    async def live(self) -> None:
        """See ``Run``."""
        if self.ask.control.write:
            batch = await aside(self.house, self.ask.data, batch_of, self.ask, context_of(self.house, self.x))
            if isinstance(batch, Batch):
                self._batch = batch
            else:
                self.life, self._effect = policy.begin(policy.hindered(self.ask.control, batch))
        await super().live()

    # --- from the store -----------------------------------------------------------------------------------------------

    async def _recall(self, max_age: float | None) -> policy.Event:
        batch = self._batch
        assert batch is not None  # else the control would not allow to read
        self._found = await shelf.find(self.house, batch, max_age)
        if not batch.missing(self._found):
            self._vectors = [self._found[key].vector for key in batch.keys]
            self._around = self._vectors[0]
            return policy.Found()
        if self._single:
            question = self.ask.question
            return policy.Absent(self.house.recent.explain(question.key, question.canonical, self.house.clock()))
        stored, inputs = sum(key in self._found for key in batch.keys), len(batch.inputs)
        return policy.Absent(f"{stored or 'none'} of {inputs} inputs {'was' if stored <= 1 else 'were'} stored")

    async def _replay(self) -> policy.Event:
        self.usage = Usage(sum(v.tokens for v in self._vectors), 0, 0)
        self.original_seconds = max(v.seconds for v in self._vectors)
        labels = self._found[self.ask.question.key].entry.tags if self._single else ()
        await self._send_together(told_of_hit(self.usage, self.original_seconds - self.x.elapsed, labels))
        return policy.Sent()

    # --- from a flight ------------------------------------------------------------------------------------------------

    def _board(self, how: policy.How) -> bool:
        batch = self._batch
        if batch is None:
            return super()._board(how)
        self._leave()
        self._asked = batch.inputs if self._untouched else batch.missing(self._found)
        self._untouched = self._untouched or len(self._asked) == len(batch.inputs)
        question, sending = self.ask.question, self._sending()
        source = question.target.source
        source.check(sending)
        if how == "anew" and self._single:
            self.house.recent.note(question.key, question.canonical, self.house.clock())
        self._call, joined = self.house.tower.board(
            batch.key(self._asked),
            partial(source.fetch, sending),
            shelf.keeper(self.house, self.x, batch, self._asked),
            second=how == "second",
            anew=how == "anew",
            limit=LIMIT,
        )
        return joined

    def _sending(self) -> Sending:
        sending = super()._sending()
        if self._batch is not None and not self._untouched:
            sending.data = with_inputs(sending.data, self._asked)
        return sending

    async def _begun(self) -> policy.Event:
        batch, call = self._batch, self._call
        if batch is None or self._untouched:
            return await super()._begun()
        assert call is not None
        self.opening = await call.opened()
        if self.opening.status != 200:
            return policy.Aboard(self._joined)
        if await call.over():
            weights = [weight(i) for i in self._asked]
            found = await aside(self.house, call.body, apart, call.body, weights, call.seconds)
            if self._complete(batch, found.vectors):
                return policy.Aboard(self._joined)
        self._untouched = True
        return policy.Unsuited("the answer for the inputs that were not stored does not fit the others")

    def _complete(self, batch: Batch, new: Sequence[Vector]) -> bool:
        """Whether stored and new vectors make an answer: they must be all there, and of one model."""
        known = {key: shelved.vector for key, shelved in self._found.items()}
        known |= {batch.key((given,)): vector for given, vector in zip(self._asked, new, strict=False)}
        if any(key not in known for key in batch.keys) or len({v.model for v in known.values()}) > 1:
            return False
        self._vectors, self._around = [known[key] for key in batch.keys], new[0]
        return True

    async def _forward(self) -> policy.Event:
        if not self._vectors:
            return await super()._forward()
        assert self._call is not None
        self.usage = Usage(sum(v.tokens for v in self._vectors), 0, 0)
        self.original_seconds = self._call.seconds
        await self._send_together([])
        return policy.Sent()

    # --- the answer ---------------------------------------------------------------------------------------------------

    async def _send_together(self, more: Headers) -> None:
        vectors, around = self._vectors, self._around
        assert around is not None
        if sum(len(v.value) for v in vectors) <= LARGE:
            body = together(vectors, around)
        else:
            body = await asyncio.get_running_loop().run_in_executor(self.house.threads, together, vectors, around)
        now = self.house.clock()
        oldest = min((shelved.entry.created for shelved in self._found.values()), default=now)
        age = max(0, int(now - oldest))
        await self.x.reply(200, [JSON, *self._headers(age), *more], body)

    @property
    def _single(self) -> bool:
        return self._batch is not None and len(self._batch.inputs) == 1

    def _headers(self, age: int) -> Headers:
        key = self.ask.question.key.text if self._single else ""
        return told(self.life.cache or "miss", self.via, key, age, self.life.why)
