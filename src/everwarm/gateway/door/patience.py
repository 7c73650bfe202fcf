"""How long we wait for a body: one timer a second for all requests, where a timer for each would cost each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

TICK = 1.0
"""Seconds between two looks: the wait is over at most so much later than was set."""


class Patience:
    """Gives up what takes longer than ``seconds``. One per event loop."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._waiting: dict[asyncio.Task[object], float] = {}  # since when, in the order in which they began
        self._given_up: set[asyncio.Task[object]] = set()
        self._ticking = False

    async def wait(self, work: Awaitable[T]) -> T:
        """The result of ``work``. Raises ``TimeoutError`` if it did not come in time."""
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        assert task is not None
        self._waiting[task] = loop.time()
        if not self._ticking:
            self._ticking = True
            loop.call_later(TICK, self._tick, loop)
        try:
            return await work
        except asyncio.CancelledError:
            if task not in self._given_up or task.uncancel():
                raise
            raise TimeoutError from None
        finally:
            del self._waiting[task]
            self._given_up.discard(task)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        late = loop.time() - self.seconds
        for task, since in self._waiting.items():
            if since > late:
                break
            if task not in self._given_up:
                self._given_up.add(task)
                task.cancel()
        self._ticking = bool(self._waiting)
        if self._ticking:
            loop.call_later(TICK, self._tick, loop)
