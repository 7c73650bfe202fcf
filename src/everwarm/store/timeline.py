"""A clock that is never set back, made of one that may be (promise r08).

What is stored is dated on this line. Where the machine's clock goes back by more than ``SKEW`` the line goes on from
where it was, and is from then on *ahead* of the clock by so much: what was stored keeps its age, so nothing outlives
its time and no age is negative. Where the clock jumps forward the line does too: entries expire early, and what is
stored meanwhile is right again after the jump back. What cannot be known: how long it took until the first call after
a step back; by so much ages are too small.
"""

from __future__ import annotations

import math
import threading

SKEW = 5.0
"""Seconds by which the ``now`` of calls that overlap may be out of order. Further back is a clock that was set back."""


class Timeline:
    """Of one process; thread-safe."""

    def __init__(self) -> None:
        self.ahead = 0.0  # seconds; never less than it was
        self.latest = -math.inf  # on the line
        self._lock = threading.Lock()

    def at(self, now: float) -> float:
        """The place of ``now``, seconds since 1970 as the clock says, on the line."""
        at = now + self.ahead
        if at > self.latest:
            self.latest = at  # without a lock: another thread's may be lost, and is no further than theirs are apart
        elif at < self.latest - SKEW:
            return self._set_back(now)
        return at

    def adopt(self, ahead: float, latest: float = -math.inf) -> None:
        """Go on from where another user of the same store is (``ahead``) or was (``latest``), if that is further."""
        with self._lock:
            self.ahead = max(self.ahead, ahead)
            self.latest = max(self.latest, latest)

    def _set_back(self, now: float) -> float:
        with self._lock:
            behind = self.latest - (now + self.ahead)
            if behind > SKEW:  # else another thread was faster
                self.ahead += behind
            return now + self.ahead
