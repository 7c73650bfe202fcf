"""The contract of a store of answers: bytes in, the same bytes out, or nothing.

A store never raises into a request: what it cannot read is dropped and counted, what it cannot write is counted. It
reads no clock; every ``now`` is seconds since 1970, given by the caller. Thread-safe.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from everwarm.core.eviction import Quota
from everwarm.core.key import ExactKey, Namespace


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored answer. ``payload`` is opaque here (``core/answer.py`` gives it its form)."""

    payload: bytes
    created: float  # seconds since 1970
    expires: float  # seconds since 1970; from then on it is not found
    tags: tuple[str, ...] = ()


class Accounting(NamedTuple):
    """What one namespace, or all of them, holds."""

    entries: int
    bytes: int  # proof, payload, tags and the store's own overhead per entry


class Faults(NamedTuple):
    """What went wrong and was survived, since the store was opened."""

    corrupt: int  # entries dropped because their seal did not fit
    unreadable: int  # reads that failed
    unwritten: int  # entries that could not be written


class Store(Protocol):
    """Every implementation passes ``tests/contract/store.py``."""

    def get(self, key: ExactKey, now: float) -> Entry | None:
        """The entry of exactly this key (equal proofs), if it has not expired."""
        ...

    def put(self, key: ExactKey, entry: Entry, now: float) -> None:
        """Keep it, in place of what the key had. A ``get`` right after it finds it, unless it is over the bound."""
        ...

    def drop(
        self, namespace: Namespace, *, digest: bytes | None = None, tag: str | None = None, now: float | None = None
    ) -> int:
        """Forget the namespace's entries with this digest, or with this tag, or all; say how many.

        With ``now``, answers that were begun before it are not kept any more (where a store can know, see ``put`` of
        ``TieredStore``).
        """
        ...

    def set_quotas(self, quotas: Mapping[str, Quota]) -> None:
        """From now on these floors and caps hold, by namespace id; a namespace that is not named has none."""
        ...

    def held(self, namespace: Namespace | None = None) -> Accounting:
        """What the namespace holds now; with None, what all hold together."""
        ...

    def faults(self) -> Faults:
        """Counted since opening."""
        ...

    def flush(self) -> None:
        """Return when everything put so far is where it survives ``kill -9`` (at once, where nothing does)."""
        ...

    def close(self) -> None:
        """Flush and let go. Later calls find nothing and keep nothing."""
        ...

    def check_integrity(self) -> None:
        """Raise ``Bug`` if an invariant does not hold. For tests: may be slow."""
        ...
