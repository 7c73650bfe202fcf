"""What waits to be done to the answers on disk. Each is itself: compared by identity, applied by the writer thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from everwarm.core.key import ExactKey
from everwarm.store import answers
from everwarm.store.protocol import Entry


@dataclass(eq=False, slots=True)
class Put:
    """Keep this."""

    key: ExactKey
    entry: Entry
    now: float


@dataclass(eq=False, slots=True)
class Drop:
    """Forget a namespace's entries with this digest, or with this tag, or all; or only the entry of one key."""

    space: str
    digest: bytes | None
    tag: str | None
    proof: bytes | None = None  # with a digest: only the entry of exactly this key
    count: int = 0  # set by the writer

    def hides(self, key: ExactKey, entry: Entry) -> bool:
        if self.digest is not None:
            return self.digest == key.digest and self.proof in (None, key.proof)
        return self.tag is None or self.tag in entry.tags

    def apply(self, connection: sqlite3.Connection) -> None:
        if self.digest is not None and self.proof is not None:
            self.count = answers.drop_same(connection, self.space, self.digest, self.proof)
        else:
            self.count = answers.drop(connection, self.space, self.digest, self.tag)


@dataclass(eq=False, slots=True)
class Purge:
    """Delete a row whose seal does not fit."""

    id: int


@dataclass(eq=False, slots=True)
class Touch:
    """Note that these were used."""

    used: Sequence[tuple[ExactKey, float]]


@dataclass(eq=False, slots=True)
class Tidy:
    """Only wakes the writer: uses to write down, accounts to mend, or entries from later than ``back_to`` to forget."""

    back_to: float | None = None
    mend: bool = False


Order = Put | Drop | Purge | Touch | Tidy
