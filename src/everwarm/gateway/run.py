"""The shell around ``core.policy``: one loop that performs the effects of one request's life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Final

from everwarm.core import policy
from everwarm.core.answer import Form
from everwarm.core.body import Body
from everwarm.core.usage import Usage
from everwarm.core.wire import Prefilled, Request
from everwarm.errors import Broken, EverwarmError
from everwarm.gateway.arrange import Arrangement
from everwarm.gateway.ask import LARGE, Ask, aside, request_of
from everwarm.gateway.call import Call
from everwarm.gateway.door.exchange import EVENTS, JSON, NO_BUFFER, Exchange
from everwarm.gateway.house import House
from everwarm.gateway.how import lines_of_hit, told
from everwarm.gateway.keep import keeper
from everwarm.gateway.recall import Recalled, at_hand, recall
from everwarm.gateway.upstreams.headers import Headers
from everwarm.gateway.upstreams.source import Opening, Sending

GATHERED: Final = 2**20
"""Bytes of a JSON body that are gathered before it is sent on: what breaks off before that is a clear error."""


class Run:
    """One request, from its key to its last byte. It is made of what ``understand`` gives."""

    def __init__(self, house: House, x: Exchange, ask: Ask, body: Body | None) -> None:
        self.house = house
        self.x = x
        self.ask = ask
        self._request: Request | None = None
        self.life, self._effect = policy.begin(ask.control)
        self.usage: Usage | None = None
        self.original_seconds = 0.0  # how long the answer took that is served again
        self.opening: Opening | None = None
        self._recalled: Recalled | None = None
        self.arrangement = Arrangement(house, ask, body)
        self._call: Call | None = None
        self._joined = False
        self._task: asyncio.Task[object] | None = None  # that the client's leaving ends
        self._gone = False

    @property
    def via(self) -> str:
        """Who made the answer, as ``x-everwarm-via`` says it."""
        if self.life.cache == "hit":
            return "exact"
        return self.opening.via if self.opening is not None else self.ask.question.target.source.name

    @property
    def why(self) -> str:
        """Why it was not answered from the store, and what keeps its prompt out of a provider's cache."""
        return self.arrangement.told(self.life.why)

    @property
    def prefilled(self) -> Prefilled | None:
        """What the model inside said of the prompt."""
        return self.opening.prefilled if self.opening is not None else None

    @property
    def wanted(self) -> Form:
        """In which form the client wants its answer."""
        return self.ask.question.envelope.form

    def request(self) -> Request:
        """The request as a model reads it. Raises ``BadRequest``."""
        if self._request is None:
            self._request = request_of(self.ask, self.ask.data)
        return self._request

    @property
    def _large(self) -> bool:
        return len(self.ask.data) > LARGE and self.ask.question.target.inside is not None

    async def live(self) -> None:
        """Until there is nothing more to do. Raises ``BadRequest`` for a large body that does not parse."""
        try:
            if not self.ask.control.read:
                await self._parse_aside()
            while self._effect is not None:
                event = await self._perform(self._effect)
                self.life, self._effect = policy.step(self.life, event)
        finally:
            self.x.turn.when_gone(None)
            self._leave()

    def _leave(self) -> None:
        if self._call is not None:
            call, self._call = self._call, None
            self.house.tower.leave(call)

    async def _perform(self, effect: policy.Effect) -> policy.Event:
        try:
            if isinstance(effect, policy.Recall):
                return await self._recall(effect.max_age)
            if isinstance(effect, policy.Replay):
                return await self._replay()
            if isinstance(effect, policy.Fly):
                self._joined = self._board(effect.how)
                return await self._while_there(self._begun())
            if isinstance(effect, policy.Forward):
                return await self._while_there(self._forward())
            await self.x.refuse(effect.error, self._headers(0))
            return policy.Sent()
        except EverwarmError as e:
            return policy.Failed(e)

    # --- from the store -----------------------------------------------------------------------------------------------

    async def _recall(self, max_age: float | None) -> policy.Event:
        found = await recall(self.house, self.ask, max_age, self._parse_aside if self._large else None)
        if isinstance(found, str):
            return policy.Absent(found)
        self._recalled = found
        return policy.Found()

    def at_once(self) -> bool:
        """The same, if memory has the answer; whether it has. If not, nothing has happened."""
        if not isinstance(self._effect, policy.Recall):
            return False
        self._recalled = at_hand(self.house, self.ask, self._effect.max_age)
        if self._recalled is None:
            return False
        self.life, _ = policy.step(self.life, policy.Found())
        self.x.reply_now(*self._stored())
        self.life, self._effect = policy.step(self.life, policy.Sent())
        return True

    async def _parse_aside(self) -> None:
        if self._large:
            await aside(self.house, self.ask.data, self.request)

    async def _replay(self) -> policy.Event:
        await self.x.reply(*self._stored())
        return policy.Sent()

    def _stored(self) -> tuple[int, bytes, bytes]:
        """The stored answer, as it goes out: status, headers and body."""
        assert self._recalled is not None
        entry, stored = self._recalled
        self.usage, self.original_seconds = stored.usage, stored.seconds
        age = max(0, int(self.house.clock() - entry.created))
        key, seconds = self.ask.question.key.text, stored.seconds - self.x.elapsed
        return 200, lines_of_hit(key, stored.form, age, stored.usage, seconds, entry.tags), stored.body

    # --- from a flight ------------------------------------------------------------------------------------------------

    async def _while_there(self, work: Coroutine[None, None, policy.Event]) -> policy.Event:
        """What ``work`` says, unless the client goes away first: then the work is cancelled."""
        self._task = asyncio.current_task()
        self.x.turn.when_gone(self._stop)
        try:
            return await work
        except asyncio.CancelledError:
            assert self._task is not None
            if not self._gone or self._task.uncancel():
                raise
            return policy.Gone()
        finally:
            self.x.turn.when_gone(None)

    def _stop(self) -> None:
        """Without a task that waits for it: a request that reaches an upstream would have one more."""
        assert self._task is not None
        self._gone = True
        self._task.cancel()

    def _board(self, how: policy.How) -> bool:
        """Board the flight for this key, or a new one; whether somebody else had started it."""
        self._leave()
        question, sending = self.ask.question, self._sending()
        question.target.source.check(sending)
        if how == "anew":
            self.house.recent.note(question.key, question.canonical, self.house.clock(), question.context)
        self._call, joined = self.house.tower.board(
            None if how == "alone" else question.key,
            self.arrangement.fetch(sending),
            keeper(self.house, self.x, self.ask),
            second=how == "second",
            anew=how == "anew",
        )
        if joined:
            self.arrangement.let_go()
        return joined

    def _sending(self) -> Sending:
        dialect, space, scope = self.ask.question.dialect, self.ask.caller.space, self.x.scope
        path, query = scope["path"], scope["query_string"]
        return Sending(dialect, space, path, query, self.x.headers, self.ask.data, self.wanted, self.request)

    async def _begun(self) -> policy.Event:
        """From here on the answer can be begun."""
        call, want = self._call, self.wanted
        assert call is not None
        self.opening = await call.opened()
        have = self.opening.form
        if self._as_it_is(have) or (have is not None and have.stream and want.stream and self._strainer(have)):
            return policy.Aboard(self._joined)
        assert have is not None  # that is relayed as it is
        if have.stream and want.stream:
            return policy.Unsuited()
        if not await call.over() or await self._made(call) is None:
            return policy.Unsuited() if self._joined else policy.Failed(Broken("The answer is not of this protocol."))
        return policy.Aboard(self._joined)

    def _as_it_is(self, have: Form | None) -> bool:
        """Whether the client gets the very bytes of the answer. Who made the call does so even where the upstream has
        ignored that a stream was wanted, or that none was: so would it have done without us."""
        if have is None or have == self.wanted:
            return True
        return have.stream != self.wanted.stream and not self._joined and self.ask.question.target.inside is None

    def _strainer(self, have: Form) -> Callable[[bytes], bytes] | None:
        return self.ask.question.dialect.strainer(have, self.wanted)

    async def _made(self, call: Call) -> bytes | None:
        """A whole answer in the form that is wanted. It is made once for all who want the same."""
        have, want = call.form, self.wanted
        made = call.converted(want)
        if made is None:
            made = await aside(self.house, call.body, self.ask.question.dialect.convert, call.body, have, want)
            call.keep_converted(want, made)
        return made

    async def _forward(self) -> policy.Event:
        call, opening = self._call, self.opening
        assert call is not None
        assert opening is not None
        if self._as_it_is(opening.form):
            await self._relay(call, opening, call.pieces())
        elif opening.form is not None and opening.form.stream and self.wanted.stream:
            await self._relay(call, opening, self._strained(call, opening.form))
        else:
            await self._send_made(call)
        self.original_seconds = call.seconds
        self.usage = call.verdict.usage if call.verdict is not None else None
        return policy.Sent()

    async def _strained(self, call: Call, have: Form) -> AsyncIterator[bytes]:
        strain = self._strainer(have)
        assert strain is not None
        async for piece in call.pieces():
            yield strain(piece)

    async def _relay(self, call: Call, opening: Opening, pieces: AsyncIterator[bytes]) -> None:
        """As it comes. A JSON body is gathered first, so that one that breaks off can still be refused."""
        headers = [*opening.headers, *self._headers(0)]
        if opening.form is None or opening.form.stream:
            await self.x.start(opening.status, [*headers, NO_BUFFER] if opening.form else headers)
        elif await call.gathered(GATHERED):
            await self.x.reply(opening.status, headers, call.body)
            return
        else:
            await self.x.start(opening.status, headers)
        async for piece in pieces:
            if piece:
                await self.x.write(piece)
        await self.x.write(b"", more=False)

    async def _send_made(self, call: Call) -> None:
        body = await self._made(call)
        assert body is not None  # else the event would have been Unsuited
        headers = [EVENTS, NO_BUFFER] if self.wanted.stream else [JSON]
        await self.x.reply(200, headers + self._headers(0), body)

    def _headers(self, age: int) -> Headers:
        """How this answer was made."""
        key, shifted = self.ask.question.key.text, self.prefilled.shifted if self.prefilled is not None else 0
        return told(self.life.cache or "miss", self.via, key, age, self.why, shifted)
