"""A layout engine whose edits are plain to see, for the tests of what stands around it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from everwarm.core.body import Body, read
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Arranged, Finding, Mode, Wishes
from everwarm.core.layout.notes import MemoryNotes, Notes
from everwarm.gateway.arrange import Arranger
from live import Live

CLOCK = Finding(("messages", 0, "content"), 18, 37, "a clock", "move", False, 44_992, 46_406)
"""Before anything is learned of a model, 11,840 of 12,212 tokens."""


class Plain(Layout):
    """In mode rewrite the word NOW becomes THEN. Keeps one note a request, and counts."""

    def __init__(self, notes: Notes, seen: list[tuple[str, str, str, Mode]]) -> None:
        super().__init__(notes)
        self.seen = seen
        self.threads: list[str] = []
        self.parsed = 0  # bodies that came parsed
        self.fails = False
        self.enter: Callable[[], object] = lambda: None

    def arrange(
        self,
        space: str,
        dialect: str,
        model: str,
        data: bytes,
        wishes: Wishes,
        now: float,
        body: Body | None = None,
    ) -> Arranged:
        if body is not None:
            assert body == read(data)
            self.parsed += 1
        self.seen.append((space, dialect, model, wishes.mode))
        self.threads.append(threading.current_thread().name)
        self.enter()
        if self.fails:
            raise ZeroDivisionError("zqsecret")
        if b"NOW" not in data:
            return Arranged(data, (), "a stream")
        self._notes.keep(space, "turn", b"n", b"kept")
        if wishes.mode == "rewrite":
            return Arranged(data.replace(b"NOW", b"THEN"), (CLOCK._replace(done=True),), "a stream")
        return Arranged(data, (CLOCK,), "a stream")


class Engines:
    """Those that an ``Arranger`` has made: the first learns, the second is for what may not rest on disk; and so on."""

    def __init__(self) -> None:
        self.made: list[Plain] = []
        self.seen: list[tuple[str, str, str, Mode]] = []

    def __call__(self, notes: Notes) -> Layout:
        self.made.append(Plain(notes, self.seen))
        return self.made[-1]

    @property
    def modes(self) -> list[Mode]:
        return [mode for *_, mode in self.seen]


@contextmanager
def arranged(live: Live, notes: Notes | None = None) -> Iterator[Engines]:
    """The gateway arranges with these meanwhile."""
    engines, before = Engines(), live.house.arranger
    live.house.arranger = Arranger(MemoryNotes() if notes is None else notes, engines)
    try:
        yield engines
    finally:
        live.house.arranger.close()
        live.house.arranger = before
