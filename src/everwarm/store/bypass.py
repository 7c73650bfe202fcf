"""When to go on without the disk, and when to try it again (promise r09).

    asked ── somebody waited too long (trip) ──> bypassed ── REST seconds, and nobody still waits ──> one may try
      ^                                                                                                  |
      └────────────────────────────────── it answered in time ───────────────────────────────────────────┘

Who is already waiting for a disk that hangs cannot be called back. So that a hanging disk takes no more than one
further thread at each try, nobody else is let in while the last to try has not come back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

REST_SECONDS = 5.0
IN_TIME = 0.05  # seconds; who took longer has shown nothing


class Bypass:
    """Of one disk. Thread-safe; ``clock`` counts seconds from anywhere and is never set back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._inside = 0
        self._tripped = False
        self._until = 0.0

    @property
    def closed(self) -> bool:
        """Whether the disk is not to be asked now."""
        return self._tripped and (self._inside > 0 or self._clock() < self._until)

    def trip(self) -> None:
        """Somebody has waited for long enough."""
        with self._lock:
            self._tripped = True
            self._until = self._clock() + REST_SECONDS

    @contextmanager
    def admit(self) -> Iterator[bool]:
        """Ask the disk in here, if this gives True."""
        with self._lock:
            admitted = not self.closed
            self._inside += admitted
        begun = self._clock()
        try:
            yield admitted
        finally:
            if admitted:
                with self._lock:
                    self._inside -= 1
                    if self._clock() - begun <= IN_TIME and begun >= self._until:
                        self._tripped = False
