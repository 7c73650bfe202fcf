"""Calls under way: a task fills each, and whoever asks the same comes aboard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

from everwarm.core.flight import Flight, Flights
from everwarm.core.key import ExactKey
from everwarm.errors import Broken, Bug, EverwarmError
from everwarm.gateway.call import Call
from everwarm.gateway.upstreams.source import Sink

log = logging.getLogger("everwarm.gateway")

Landed = Callable[[Call], Awaitable[EverwarmError | None]]
"""What to do with a call that came to its end, before readers learn that it did: judge and store it. Gives the error
with which it ends for its readers, if it was not whole after all."""

MIB = 2**20

FlightKey = tuple[ExactKey, bool]
"""Of which request; and whether it is the second flight for it (see ``policy.How``)."""


class Tower:
    """Starts calls and knows who is aboard. One per event loop. ``limit``: bytes of one answer that are kept."""

    def __init__(self, limit: int = 8 * MIB) -> None:
        self.limit = limit
        self._flights: Flights[FlightKey] = Flights()
        self._calls: dict[Flight[FlightKey], Call] = {}
        self._tasks: dict[Call, asyncio.Task[None]] = {}

    @property
    def aboard(self) -> int:
        """How many requests wait for calls under way."""
        return sum(call.flight.aboard for call in self._tasks)

    def __len__(self) -> int:
        """How many calls are under way."""
        return len(self._tasks)

    def board(
        self,
        key: ExactKey | None,
        fetch: Callable[[Sink], Awaitable[None]],
        landed: Landed,
        *,
        second: bool = False,
        anew: bool = False,
        limit: int | None = None,
    ) -> tuple[Call, bool]:
        """The call for ``key`` (a lone one for None) and whether somebody else had started it.

        ``second``: not the first one for ``key``, but a second beside it. ``anew`` starts one in any case, in the place
        of what was under way. ``fetch`` is called only for a new call. ``limit``: bytes that are kept of this answer.
        """
        if anew and key is not None:
            self._flights.supersede((key, False))
            self._flights.supersede((key, True))
        flight, new = self._flights.board((key, second)) if key is not None else (Flight[FlightKey](None), True)
        if not new:
            return self._calls[flight], True
        call = Call(flight, self.limit if limit is None else limit, partial(self._flights.land, flight))
        self._calls[flight] = call
        self._tasks[call] = asyncio.create_task(self._fly(call, fetch, landed))
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

    async def _fly(self, call: Call, fetch: Callable[[Sink], Awaitable[None]], landed: Landed) -> None:
        error: EverwarmError | None = Broken("The answer was given up.")
        try:
            await fetch(call)
            if call.opening is None:
                raise Broken("The upstream ended before it answered.")
            error = await landed(call)
        except EverwarmError as e:
            error = e
        except Exception:  # whatever a source throws: its callers get a clear error, the log gets the trace
            log.exception("an upstream failed in a way that it should not")
            error = Bug("Everwarm failed while it made this answer. The server's log says more.")
        finally:
            self._flights.land(call.flight)
            self._calls.pop(call.flight, None)
            self._tasks.pop(call, None)
            call.end(error)
