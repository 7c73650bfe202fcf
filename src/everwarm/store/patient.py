"""A thread that reads a disk for those who must not wait for it: the event loop, and who holds it up (promise r09).

ask ── at most SECONDS ──> what was read
 └──── longer ───────────> ``otherwise``; then nobody asks for a while (``bypass.py``)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final, Generic, TypeVar

from everwarm.store.bypass import Bypass

R = TypeVar("R")

SECONDS: Final = 0.05


class Patient:
    """For one disk. ``ask`` may be called from any thread."""

    def __init__(self, name: str, bypass: Bypass | None = None) -> None:
        """``name``: of the thread."""
        self._bypass = bypass or Bypass()
        self._questions: SimpleQueue[_Question[Any] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def ask(self, work: Callable[[], R], otherwise: R) -> R:
        """What ``work`` returns or raises; ``otherwise`` if that takes too long, or did so lately."""
        if self._bypass.closed:
            return otherwise
        question = _Question(work, otherwise)
        self._questions.put(question)
        if not question.answered.acquire(timeout=SECONDS):
            self._bypass.trip()
            return otherwise
        if question.error is not None:
            raise question.error
        return question.answer

    def close(self) -> None:
        """A disk that hangs is not waited for."""
        self._questions.put(None)
        self._thread.join(SECONDS)

    def _run(self) -> None:
        while (question := self._questions.get()) is not None:
            with self._bypass.admit() as admitted:
                if admitted:
                    question.settle()
            question.answered.release()


class _Question(Generic[R]):
    """What is asked, and what came of it. ``answered``: held until then."""

    __slots__ = ("_work", "answer", "answered", "error")

    def __init__(self, work: Callable[[], R], otherwise: R) -> None:
        self._work = work
        self.answer = otherwise
        self.error: Exception | None = None
        self.answered = threading.Lock()
        self.answered.acquire()

    def settle(self) -> None:
        try:
            self.answer = self._work()
        except Exception as error:  # noqa: BLE001  it is raised where it was asked
            self.error = error
