"""Errands: what event loops want of the tree and the pool, which are the engine's thread's own.

They are done there between steps, one after each: however many there are, answers go on.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from everwarm.engine.line import shut_down
from everwarm.errors import Overloaded

T = TypeVar("T")

ROOM = 256
"""Errands that may wait."""


class Errands:
    """Given from event loops, done by one thread. ``nudge`` is called when there is one."""

    def __init__(self, nudge: Callable[[], None]) -> None:
        self._nudge = nudge
        self._waiting: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._lock = threading.Lock()
        self._closed = False

    async def run(self, work: Callable[[], T]) -> T:
        """What ``work`` gives, or raises, in the engine's thread. Who is cancelled takes it back, unless it has begun.

        ``Overloaded`` if too many wait, ``Broken`` if the engine closes.
        """
        result: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise shut_down()
            if len(self._waiting) >= ROOM:
                raise Overloaded("too many ask what is warm; come back later", retry_after=1)
            self._waiting.append((work, result))
        self._nudge()
        return await asyncio.wrap_future(result)

    def do_one(self) -> bool:
        """Do what has waited longest, in the engine's thread. False if nothing waits."""
        if not self._waiting:
            return False
        work, result = self._waiting.popleft()
        if result.set_running_or_notify_cancel():
            try:
                result.set_result(work())
            except Exception as error:  # noqa: BLE001  # whatever it is, it is told to who waits; the thread goes on
                result.set_exception(error)
        return True

    def close(self) -> None:
        """Do nothing any more. Those that wait end with ``Broken``."""
        with self._lock:
            self._closed = True
        while self._waiting:
            _, result = self._waiting.popleft()
            if result.set_running_or_notify_cancel():
                result.set_exception(shut_down())
