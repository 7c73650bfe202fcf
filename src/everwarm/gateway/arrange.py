"""The room between boarding and fetching: a request that goes to a source is looked at by the layout engine, once.

who starts a call ── its fetch begins ──> Arrangement ──> Arranger: one engine, one thing at a time ──> source
who joins one gets its answer: nothing of it is looked at, or counted
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from everwarm.core.body import Body
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Arranged, Cost, Finding, Mode, Wishes
from everwarm.core.layout.notes import Notes, Unwritten
from everwarm.core.layout.words import costliest, joined, sentence
from everwarm.gateway.ask import LARGE, Ask, aside, request_of
from everwarm.gateway.how import LONGEST_WHY
from everwarm.gateway.upstreams.source import Sending, Sink, Source
from everwarm.ledger.findings import Looked, spot

if TYPE_CHECKING:
    from everwarm.gateway.house import House

log = logging.getLogger("everwarm.gateway")

WARN_SECONDS: Final = 60.0


class Arrangement:
    """What is made of one request for a source, if it is the one that starts the call."""

    __slots__ = ("_ask", "_body", "_house", "_worst", "mode", "sent")

    def __init__(self, house: House, ask: Ask, body: Body | None) -> None:
        """``body``: what the client sent, parsed, if that was done just now."""
        self._house = house
        self._ask = ask
        self._body = body
        self.mode: Mode = "off"  # in which it goes to the source, once that is known
        self._worst = ""  # the costliest finding, in words
        self.sent = ask.data  # the body that goes to the source

    def told(self, why: str) -> str:
        """``why`` it went to the source, and the costliest finding, if it did go there and there is one."""
        return joined(why, self._worst, LONGEST_WHY) if self._worst else why

    def fetch(self, sending: Sending) -> Callable[[Sink], Awaitable[None]]:
        """What gets the answer to ``sending``, arranged."""
        question = self._ask.question
        source = question.target.source
        wishes = self._house.allowed.of(question.dialect, question.envelope.model, question.target)
        self.mode = wishes.mode
        if wishes.mode == "off":
            self.let_go()
            return partial(source.fetch, sending)
        return partial(self._fetch, source, sending, wishes)

    def let_go(self) -> None:
        """Of the parsed body, for nobody needs it any more: answers may take long, and many are waited for at once."""
        self._body = None

    async def _fetch(self, source: Source, sending: Sending, wishes: Wishes, sink: Sink) -> None:
        self.sent = data = await self._arranged(wishes)
        if data != sending.data:
            sending = replace(sending, data=data, request=partial(request_of, self._ask, data))
            if self._ask.question.target.inside is not None:
                request = await aside(self._house, data, sending.request)
                sending.request = lambda: request
        await source.fetch(sending, sink)

    async def _arranged(self, wishes: Wishes) -> bytes:
        """The body as it goes out."""
        house, (caller, data, question, control, _) = self._house, self._ask
        dialect, target, now = question.dialect, question.target, house.clock()
        work = Work(caller.space.id, dialect.name, target.model, data, wishes, now, self._body)
        self.let_go()
        made = await house.arranger.do(work, rest=control.rest)
        if made is None:
            return data
        if house.metrics is not None:
            house.metrics.arranged(made, changed=made.data != data)
        if made.weight:
            self._note(made, now)
        return made.data

    def _note(self, made: Arranged, now: float) -> None:
        """What was found, for the answer and for the ledger: with the same figures in both."""
        costs = {finding: self._cost(finding) for finding in made.findings}
        worst = costliest(costs)
        if worst is not None:
            self._worst = sentence(worst, costs[worst])
        caller, model, ledger = self._ask.caller, self._ask.question.target.model, self._house.ledger
        if ledger is not None and (made.stream or costs):
            spots = tuple(spot(finding, cost) for finding, cost in costs.items())
            ledger.look(Looked(now, caller.namespace.id, made.stream, model, spots, made.weight))

    def _cost(self, finding: Finding) -> Cost:
        """In tokens of the model, as far as is known what those are to this caller."""
        space, model, counter = self._ask.caller.space.id, self._ask.question.target.model, self._house.counter
        lost, total = (counter.tokens_of(space, model, characters) for characters in (finding.lost, finding.total))
        return Cost(lost.tokens, total.tokens, lost.answers > 0)


class Work(NamedTuple):
    """A request to arrange, as ``Layout.arrange`` takes it."""

    space: str
    dialect: str
    model: str
    data: bytes
    wishes: Wishes
    now: float
    body: Body | None = None


class Arranger:
    """The layout engine of one process. It does one thing at a time: at once what is small, unless something large is
    under way; else in a thread of its own. What fails there costs no request: it goes out as it came."""

    def __init__(self, notes: Notes, engine: Callable[[Notes], Layout] = Layout) -> None:
        """``engine``: makes one that learns from these notes."""
        self._notes = notes
        self._engine = engine
        self._busy = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="everwarm-arrange")
        self._warned, self._failed = -inf, 0
        self._renew()

    async def do(self, work: Work, *, rest: bool) -> Arranged | None:
        """What is made of it; None if that fails. ``rest``: whether anything that is learned may rest on disk."""
        if len(work.data) <= LARGE and self._busy.acquire(blocking=False):
            try:
                return self._try(work, rest)
            finally:
                self._busy.release()
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._in_turn, work, rest)

    def forget(self, space: str) -> None:
        """All that was learned from a namespace's requests. It waits for what is under way: not for the event loop."""
        with self._busy:
            self._notes.drop(space)
            self._renew()  # with nothing in its memory: of other namespaces it finds all in the notes

    def close(self) -> None:
        """When all is done."""
        self._thread.shutdown()

    def _renew(self) -> None:
        self._layout = self._engine(self._notes)
        self._unwritten = self._engine(Unwritten(self._notes))

    def _in_turn(self, work: Work, rest: bool) -> Arranged | None:
        with self._busy:
            return self._try(work, rest)

    def _try(self, work: Work, rest: bool) -> Arranged | None:
        try:
            return (self._layout if rest else self._unwritten).arrange(*work)
        except Exception:  # whatever the engine throws: requests go on without it
            self._failed += 1
            if monotonic() - self._warned >= WARN_SECONDS:
                self._warned = monotonic()
                log.exception(
                    "the layout engine has failed (so far %d times); requests go out as they came", self._failed
                )
            return None
