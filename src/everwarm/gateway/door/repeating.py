"""A connection that does not read a head again which came before in the same bytes, on whatever connection.

What it would find there is known: the parser forgets everything between two requests, and whether a head is refused
depends on its bytes alone. This pays where it is most of the work: for small requests that memory has an answer to.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from everwarm.gateway.door.connection import Connection
from everwarm.gateway.door.head import Head, Heads
from everwarm.gateway.door.turn import Turn


class Repeating(Connection):
    """Those of one server share ``heads``."""

    __slots__ = ("_heads",)

    def __init__(self, *args: Any, heads: Heads, **more: Any) -> None:
        super().__init__(*args, **more)
        self._heads = heads

    def data_received(self, data: bytes) -> None:
        if not self._between or len(data) > HIGH_WATER_LIMIT:
            super().data_received(data)
            return
        known = self._heads.of(data)
        if known is not None:
            self._take(*known)
            return
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before and self._keep:
            self._heads.learn(data, self.cycle.head)

    @property
    def _between(self) -> bool:
        """Whether the next byte begins a request, which has its turn at once."""
        return not (
            self._deaf
            or self._in_head
            or self._unpaid
            or self._farewell.begun
            or (self.cycle is not None and (self.cycle.more_body or not self.cycle.response_complete))
            or self.transport.is_closing()
        )

    def _take(self, head: Head, body: bytes) -> None:
        """A whole request. What of it is told elsewhere is as if it had been parsed."""
        self.url = head.url
        self._keep = True
        turn = Turn(self, self.transport, head)
        turn.body = body  # type: ignore[assignment]  # bytes do as well, and need not be copied
        turn.more_body = False
        turn.keep_alive = True
        turn.message_event.set()
        self.cycle = self._answering = turn
        self._show(turn)
