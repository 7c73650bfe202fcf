"""The contract of everything that can answer: a provider on the network, a fleet, the engine inside."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol

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

    async def close(self) -> None:
        """Let go of everything. Running answers end with ``Broken``."""
        ...
