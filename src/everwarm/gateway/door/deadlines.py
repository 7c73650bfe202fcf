"""Deadlines of connections: one timer a second for all of them, where a timer for each would cost each request."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

TICK: Final = 1.0
"""Seconds between two looks: who is late hears of it at most so much later."""


class Late(Protocol):
    """Who has a deadline. Compared by identity."""

    def late(self) -> None:
        """Called once when the deadline has passed. May set another."""
        ...


class Deadlines:
    """At most one deadline for each. Belongs to one event loop, and stands still while there is none."""

    def __init__(self, tick: float | None = None) -> None:
        self._tick = TICK if tick is None else tick
        self._due: dict[Late, float] = {}
        self._ticking = False

    def set(self, who: Late, seconds: float) -> None:
        """``who`` is late in so many seconds, instead of when it was before."""
        loop = asyncio.get_running_loop()
        self._due[who] = loop.time() + seconds
        if not self._ticking:
            self._ticking = True
            loop.call_later(self._tick, self._look, loop)

    def clear(self, who: Late) -> None:
        """``who`` has no deadline any more. Nothing happens if it had none."""
        self._due.pop(who, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        try:
            for who, due in [late for late in self._due.items() if late[1] <= now]:
                if self._due.get(who) == due:  # else one before it in the line has changed that
                    del self._due[who]
                    who.late()
        finally:  # what fails for one must not stop the clock for all
            self._ticking = bool(self._due)
            if self._ticking:
                loop.call_later(self._tick, self._look, loop)
