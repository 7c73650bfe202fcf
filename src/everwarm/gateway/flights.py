"""Calls under way: a task fills each, any number of readers follow it from its start, each at its own pace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from everwarm.core.answer import Recorder
from everwarm.core.dialects.openai_chat_answer import Head
from everwarm.core.flight import Flight, Flights
from everwarm.core.key import ExactKey
from everwarm.core.wire import Done, Event
from everwarm.errors import Broken, Bug, EverwarmError

log = logging.getLogger("everwarm.gateway")


class Call:
    """One upstream call: its events so far, and the body that they make once it is over."""

    def __init__(self, flight: Flight[ExactKey], head: Head) -> None:
        self.flight = flight
        self.head = head
        self.recorder = Recorder()
        self.body = b""  # the JSON body; set by ``landed`` before readers see the end
        self.seconds = 0.0  # from the first asker's request to the end; likewise
        self._events: list[Event] = []
        self._error: EverwarmError | None = None
        self._over = False
        self._waiting: set[asyncio.Future[None]] = set()

    def push(self, event: Event) -> None:
        """The next event, to all readers."""
        self._events.append(event)
        self._wake()

    def end(self, error: EverwarmError | None = None) -> None:
        """There are no more events; with ``error``, because it broke."""
        self._over, self._error = True, error
        self._wake()

    async def events(self) -> AsyncIterator[Event]:
        """All events from the first one. Raises what the call broke with."""
        at = 0
        while True:
            while at < len(self._events):
                yield self._events[at]
                at += 1
            if self._over:
                break
            await self._more()
        if self._error is not None:
            raise self._error

    async def _more(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)


Landed = Callable[[Call], None]
"""What to do with a call whose answer is whole, before readers learn that it is: render and store it."""


class Tower:
    """Starts calls and knows who is aboard. One per event loop."""

    def __init__(self) -> None:
        self._flights: Flights[ExactKey] = Flights()
        self._calls: dict[Flight[ExactKey], Call] = {}
        self._tasks: dict[Call, asyncio.Task[None]] = {}

    @property
    def aboard(self) -> int:
        """How many requests wait for calls under way."""
        return sum(call.flight.aboard for call in self._tasks)

    def board(
        self,
        key: ExactKey | None,
        head: Callable[[], Head],
        source: Callable[[], AsyncIterator[Event]],
        landed: Landed,
        *,
        anew: bool = False,
    ) -> tuple[Call, bool]:
        """The call for ``key`` (a lone one for None) and whether somebody else had started it.

        ``anew`` starts one in any case, in the place of what was under way. ``head`` and ``source`` are asked only for
        a new call.
        """
        if anew and key is not None:
            self._flights.supersede(key)
        flight, new = self._flights.board(key) if key is not None else (Flight[ExactKey](None), True)
        if not new:
            return self._calls[flight], True
        call = Call(flight, head())
        self._calls[flight] = call
        self._tasks[call] = asyncio.create_task(self._fly(call, source(), landed))
        return call, False

    def leave(self, call: Call) -> None:
        """One reader is done with it. The last one ends a call that is still under way."""
        if self._flights.leave(call.flight) and (task := self._tasks.get(call)) is not None:
            task.cancel()

    async def close(self) -> None:
        """Give up all calls."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fly(self, call: Call, source: AsyncIterator[Event], landed: Landed) -> None:
        error: EverwarmError | None = Broken("The answer was given up.")
        try:
            async with aclosing(source):  # type: ignore[type-var]  # an async generator, by the contract of Upstream
                error = await self._follow(call, source, landed)
        except EverwarmError as e:
            error = e
        except Exception:  # whatever an upstream throws: its callers get a clear error, the log gets the trace
            log.exception("an upstream failed in a way that it should not")
            error = Bug("Everwarm failed while it made this answer. The server's log says more.")
        finally:
            self._flights.land(call.flight)
            self._calls.pop(call.flight, None)
            self._tasks.pop(call, None)
            call.end(error)

    async def _follow(self, call: Call, source: AsyncIterator[Event], landed: Landed) -> EverwarmError | None:
        done = False
        async for event in source:
            call.recorder.add(event)
            if isinstance(event, Done):
                landed(call)
                done = True
            call.push(event)
        return None if done else Broken("The answer broke off before its end.")
