"""Who waits for the engine: a bounded line, first come first served. Entered from event loops, served by one thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque

from everwarm.core.wire import Event
from everwarm.engine.answer import Task
from everwarm.errors import Broken, EverwarmError, Overloaded


class Job:
    """One task, and the way of its events to the event loop that waits for them. Made in that loop."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.cancelled = False  # set by any thread, looked at before each step
        self.events: asyncio.Queue[Event | EverwarmError] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()

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
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.serving = False  # a job was taken out and its answer is not finished
        self._seconds = 1.0  # that an answer takes, as a moving average

    def __len__(self) -> int:
        return len(self._jobs)

    @property
    def closed(self) -> bool:
        """Whether ``close`` has been called."""
        return self._closed

    def enter(self, job: Job) -> None:
        """Wait at the end. ``Overloaded`` if the line is full, with when to come back; ``Broken`` if closed."""
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

    def next(self) -> Job | None:
        """The first job, as soon as there is one; None after ``close``."""
        with self._changed:
            self.serving = False
            while not self._jobs and not self._closed:
                self._changed.wait()
            if self._closed:
                return None
            self.serving = True
            return self._jobs.popleft()

    def took(self, seconds: float) -> None:
        """One answer took this long: for the guess in ``Overloaded``."""
        self._seconds += (seconds - self._seconds) / 8

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
