"""The contract of whatever gives an answer's bytes: the model inside, or an upstream over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from everwarm.core.answer import Form
from everwarm.core.dialects.dialect import Dialect
from everwarm.core.key import Namespace
from everwarm.core.wire import Prefilled, Request
from everwarm.gateway.upstreams.headers import Headers


@dataclass(slots=True)
class Sending:
    """One request as it goes out."""

    dialect: Dialect
    namespace: Namespace
    path: str  # as the client wrote it: "/v1/chat/completions"
    query: bytes
    headers: Headers  # as the client sent them; what goes on is decided by ``headers.onward``
    data: bytes  # the body, the client's own bytes
    form: Form  # how the answer is wanted
    request: Callable[[], Request]  # the body as a model reads it; raises ``BadRequest``


class Opening(NamedTuple):
    """How an answer begins."""

    status: int
    headers: Headers
    form: Form | None  # None: not an answer in the dialect, but an error or something unknown; relayed as it is
    via: str  # "engine" or "upstream:NAME"
    prefilled: Prefilled | None = None


class Sink(Protocol):
    """Where an answer goes, as it comes."""

    def open(self, opening: Opening) -> None:
        """How it begins. Once, before all else."""
        ...

    def push(self, piece: bytes) -> None:
        """The next piece: of a stream in a known form whole server-sent events, else bytes cut anywhere."""
        ...

    @property
    def crowded(self) -> bool:
        """Whether it should be waited for ``room`` before the next piece."""
        ...

    async def room(self) -> None:
        """Wait until more may be pushed."""
        ...


class Source(Protocol):
    """Gives answers."""

    name: str

    def check(self, sending: Sending) -> None:
        """Raise a ``ClientError`` if this can never be answered here. Fast: called before anything is queued."""
        ...

    async def fetch(self, sending: Sending, sink: Sink) -> None:
        """One answer. Cancelling it stops the work.

        Raises ``ClientError`` before the opening, ``UpstreamError`` at any point. Ends without an error where the
        upstream closed properly; whether the answer was whole, the dialect tells.
        """
        ...
