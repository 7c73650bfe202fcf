"""Which way a request is answered: at once, when its last byte has come, or by a task, as everything else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any
from unittest.mock import patch

from everwarm.gateway import app, converse
from everwarm.gateway.door import deadlines, patience
from everwarm.gateway.door.connection import Connection
from everwarm.ledger.record import Row
from live import Live
from raw import wait_for


class Ways:
    """``at_once``: how many answers. ``tasks``: how many calls of the application. ``connections``: those made."""

    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self._rows = 0
        self._questions = count(1)
        self._forget()

    def _forget(self) -> None:
        self.at_once = self.tasks = 0

    def begin(self, live: Live) -> None:
        """What was so far does not count."""
        self._forget()
        self._rows = len(_rows(live))

    def rows(self, live: Live) -> list[Row]:
        """Of the ledger since then, the oldest first."""
        return _rows(live)[self._rows :]

    def wait_for_rows(self, live: Live, how: list[str]) -> None:
        """As which the ledger has them. The last one may be written after its answer has come."""
        wait_for(lambda: len(self.rows(live)) >= len(how))
        assert [row.cache for row in self.rows(live)] == how

    def question(self) -> str:
        """One that was never asked."""
        return f"question {next(self._questions)}"


@contextmanager
def watched() -> Iterator[Ways]:
    """Also makes clocks quick. To be entered before a gateway is started."""
    ways = Ways()
    at_once, start, made = converse.at_once, Connection._start_asgi_task, Connection.connection_made

    def counted(*args: Any) -> bool:
        answered = at_once(*args)
        ways.at_once += answered
        return answered

    def started(self: Connection, *args: Any) -> None:
        ways.tasks += 1
        start(self, *args)

    def connected(self: Connection, transport: Any) -> None:
        ways.connections.append(self)
        made(self, transport)

    with (
        patch.object(app, "at_once", counted),
        patch.object(Connection, "_start_asgi_task", started),
        patch.object(Connection, "connection_made", connected),
        patch.object(deadlines, "TICK", 0.02),
        patch.object(patience, "TICK", 0.02),
    ):
        yield ways


def chat(text: str, **more: Any) -> bytes:
    return json.dumps({"model": "default", "messages": [{"role": "user", "content": text}], **more}).encode()


def _rows(live: Live) -> list[Row]:
    assert live.house.ledger is not None
    live.house.ledger.flush()
    return live.house.ledger.rows(limit=100_000)[::-1]
