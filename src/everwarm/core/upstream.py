"""The contract of everything that can answer: a provider on the network, a fleet, the engine inside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from everwarm.core.key import Namespace
from everwarm.core.wire import Event, Request


class ModelCard(NamedTuple):
    """One model as ``GET /v1/models`` lists it."""

    id: str
    aliases: tuple[str, ...]
    created: int  # seconds since 1970
    owned_by: str
    context: int  # tokens, prompt and answer together
    fingerprint: str  # identity of weights, quantisation and build: another one never shares a stored answer


class Warmed(NamedTuple):
    """A prompt that has been computed before anybody asks."""

    id: str  # of the prefix, within its namespace
    tokens: int  # that requests which go on from it reuse
    computed: int  # of these, now
    cached: int  # and those that were warm already
    pinned: bool


class Prefix(NamedTuple):
    """A prefix whose KV is kept."""

    id: str
    tokens: int
    tier: Literal["memory", "disk"]  # where it would be taken from
    on_disk: bool  # whether it outlives the process
    hits: int  # requests that reused it, since the start
    age: float | None  # seconds since it was computed or reused; None: not since the start
    pinned: bool
    begins: str  # the first characters of its text
    ends: str  # and the last ones, if there are more


class Upstream(Protocol):
    """Answers requests. Every implementation passes the same contract tests (``tests/contract/upstream.py``)."""

    name: str  # "engine", or the configured name of a provider

    def models(self) -> Sequence[ModelCard]:
        """The models that it serves now."""
        ...

    def check(self, request: Request) -> None:
        """Raise a ``ClientError`` if the request can never be answered here. Fast: called before anything is queued."""
        ...

    def ask(self, request: Request, namespace: Namespace) -> AsyncIterator[Event]:
        """Events of one answer (see ``wire``), ending in ``Done``.

        Closing the iterator (or cancelling who waits for it) stops the work within one decoding step. Raises
        ``ClientError`` before the first event, ``UpstreamError`` at any point.
        """
        ...

    def figures(self) -> Mapping[tuple[str, str], float]:
        """What is so now, and what was counted, for whoever watches: (what, of which kind) -> number.

        Names as ``gateway.watch.figures`` lists them, without their beginning. From any thread.
        """
        ...

    async def count(self, request: Request) -> int:
        """Tokens of the prompt of ``request``, as ``ask`` would read it. Raises ``ClientError``."""
        ...

    async def warm(self, request: Request, namespace: Namespace, *, pin: bool = False) -> Warmed:
        """Compute what all requests begin with that go on from ``request``, and keep it; with ``pin``, until ``unpin``
        or ``close``. It waits in line as ``ask`` does, and raises the same. Only what the model reads of it counts.

        ``BadRequest`` too if there is nothing to reuse, or no room to pin it.
        """
        ...

    async def prefixes(self, namespace: Namespace, limit: int) -> Sequence[Prefix]:
        """The most useful prefixes of a namespace that are kept: pinned ones, then those that saved most."""
        ...

    async def unpin(self, namespace: Namespace, name: str) -> bool:
        """Let the prefix with this id be let go of like any other. False if the namespace has not pinned it."""
        ...

    async def close(self) -> None:
        """Let go of everything. Running answers end with ``Broken``."""
        ...
