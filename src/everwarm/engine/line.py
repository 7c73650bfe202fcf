"""Who waits for the engine: a bounded line. Entered from event loops, served by one thread."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from everwarm.core.draft import Drafter
from everwarm.core.key import Namespace
from everwarm.core.wire import Event, Sampling
from everwarm.engine.grammar import Constraint
from everwarm.errors import Broken, EverwarmError, Overloaded


class Help(NamedTuple):
    """What one choice has beside the model."""

    drafter: Drafter | None = None
    constraint: Constraint | None = None


class Task(NamedTuple):
    """What to answer: a request after its template, in tokens."""

    namespace: Namespace
    prompt: tuple[int, ...]
    packed: bytes  # the prompt, as the tree takes it
    sampling: Sampling
    limit: int  # output tokens of one choice; 0: it is only the prompt's KV that is wanted
    helps: tuple[Help, ...]  # for each choice
    rests: bool = True  # whether its KV may go to disk
    then: Callable[[], None] | None = None  # with limit 0: what to do once the KV is the tree's, in the engine's thread
    shifted: bool = False  # whether chunks of the prompt that were seen at other places may be reused


class Job:
    """One task, and the way of its events to the event loop that waits for them. Made in that loop."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.entered = time.monotonic()
        self.cancelled = False  # set by any thread, looked at before each step
        self.events: asyncio.Queue[Event | EverwarmError] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

    async def next(self) -> Event:
        """The next event, or what was posted in place of it is raised."""
        event = await self.events.get()
        if isinstance(event, EverwarmError):
            raise event
        return event

    def post(self, event: Event | EverwarmError) -> None:
        """Hand over one event, from the engine's thread."""
        try:
            self._loop.call_soon_threadsafe(self.events.put_nowait, event)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self.cancelled = True


class Line:
    """Jobs that wait, at most ``room`` of them. Safe to use from any thread."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._jobs: list[Job] = []
        self._changed = threading.Condition()
        self._nudged = False
        self._closed = False
        self._seconds = 1.0  # from one job taken to the next, as a moving average

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def closed(self) -> bool:
        """Whether ``close`` has been called."""
        return self._closed

    def enter(self, job: Job) -> None:
        """Wait. ``Overloaded`` if the line is full, with when to come back; ``Broken`` if closed."""
        with self._changed:
            self.require_room()
            self._jobs.append(job)
            self._changed.notify()

    def require_room(self) -> None:
        """``Overloaded``, or ``Broken`` after ``close``, if ``enter`` would say so now."""
        if self._closed:
            raise shut_down()
        if len(self._jobs) >= self._room:
            raise Overloaded(
                f"{len(self._jobs)} requests already wait for the model; come back later",
                retry_after=max(1.0, round(self._seconds * len(self._jobs))),
            )

    def leave(self, job: Job) -> None:
        """Cancel ``job``; its place, if it still waits, is free at once."""
        job.cancelled = True
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)
            self._nudged = True
            self._changed.notify()

    def waiting(self) -> list[Job]:
        """Who waits now, in the order of their coming."""
        with self._changed:
            return list(self._jobs)

    def take(self, job: Job) -> bool:
        """``job`` waits no longer: it is being answered. False if it has left meanwhile."""
        with self._changed:
            if job not in self._jobs:
                return False
            self._jobs.remove(job)
            return True

    def took(self, seconds: float) -> None:
        """A job was answered so long after the one before: for the guess in ``Overloaded``."""
        self._seconds += (seconds - self._seconds) / 8

    def nudge(self) -> None:
        """End a ``rest`` that goes on."""
        with self._changed:
            self._nudged = True
            self._changed.notify()

    def rest(self, seconds: float | None = None) -> None:
        """Until somebody comes, leaves or nudges, the line is closed, or so much time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._nudged or self._closed, seconds)
            self._nudged = False

    def close(self) -> list[Job]:
        """Serve nobody any more. Gives back who still waits."""
        with self._changed:
            self._closed = True
            left = list(self._jobs)
            self._jobs.clear()
            self._changed.notify_all()
            return left


def shut_down() -> Broken:
    """What a request gets that the engine, closing, leaves unanswered."""
    return Broken("the model is being shut down; ask again later")
