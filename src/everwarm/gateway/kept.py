"""Connections to upstreams that are kept for the next request: aiohttp's, with three holes closed.

- What came on one that nobody had asked for would be taken for the answer to the next request, and each answer for that
  to the request after it, whoever asked. Such a connection is closed.
- One may have died and nothing has said so. Then the request is lost with it: ``dead`` tells that it may be sent again.
- A body that ends with its connection would count as whole if that was reset.
"""

from __future__ import annotations

from asyncio import get_running_loop
from contextvars import ContextVar
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.connector import Connection

AT_ONCE: Final = 1.0
"""Seconds within which a dead connection shows. What took longer may have been worked on."""

_taken: ContextVar[float] = ContextVar("_taken", default=0.0)
"""When the task has taken a kept connection."""


class Kept(aiohttp.TCPConnector):
    """Gives away only those connections that are silent. Belongs to the running loop."""

    def __init__(self, seconds: float) -> None:
        super().__init__(limit=0, keepalive_timeout=seconds)
        handler: type[ResponseHandler] = _Protocol
        self._factory = partial(handler, loop=get_running_loop())

    async def _get(self, key: ConnectionKey, traces: list[Any]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            if protocol is not None and not protocol.should_close:
                _taken.set(monotonic())
                return connection
            connection.close()
        return None


class _Protocol(ResponseHandler):
    def connection_lost(self, exc: BaseException | None) -> None:
        if exc is not None and self._payload is not None and not self._payload.is_eof():
            self._payload.set_exception(aiohttp.ClientPayloadError("The connection was reset."))
        super().connection_lost(exc)


def fresh() -> None:
    """To be called before each request: what was before it does not count."""
    _taken.set(0.0)


def dead() -> bool:
    """After a request was lost: whether it was on a kept connection that had died before it."""
    return monotonic() - _taken.get() < AT_ONCE
