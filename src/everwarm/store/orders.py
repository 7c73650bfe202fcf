"""What waits to be done to the answers on disk. Each is itself: compared by identity, applied by the writer thread.

``apply`` runs in a transaction, and may run again if that fails. Times are on the store's ``Timeline``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from everwarm.core.key import ExactKey
from everwarm.store import answers, changes, spaces
from everwarm.store.protocol import Entry


class Pen(NamedTuple):
    """Who writes, and how."""

    secret: bytes
    writer: int  # of the changes that are noted


@dataclass(eq=False, slots=True)
class Put:
    """Keep this, unless it was overtaken."""

    key: ExactKey
    entry: Entry
    at: float
    began: float | None = None  # when the answer was asked for; None: whatever happened since

    def apply(self, connection: sqlite3.Connection, pen: Pen) -> None:
        space = self.key.namespace.id
        if self.began is not None and (
            answers.has_newer(connection, self.key, self.began) or changes.dropped_since(connection, space, self.began)
        ):
            changes.note(connection, changes.NOBODY, space, self.key.digest)  # our own memory has it: not for long
            return
        answers.insert(connection, pen.secret, self.key, self.entry, self.at)
        changes.note(connection, pen.writer, space, self.key.digest)


@dataclass(eq=False, slots=True)
class Drop:
    """Forget a namespace's entries with this digest, or with this tag, or all; or only the entry of one key."""

    space: str
    digest: bytes | None
    tag: str | None
    proof: bytes | None = None  # with a digest: only the entry of exactly this key
    at: float | None = None  # answers begun before that do not come back
    count: int = 0  # set by the writer

    def hides(self, key: ExactKey, entry: Entry) -> bool:
        if self.digest is not None:
            return self.digest == key.digest and self.proof in (None, key.proof)
        return self.tag is None or self.tag in entry.tags

    def apply(self, connection: sqlite3.Connection, pen: Pen) -> None:
        if self.digest is not None and self.proof is not None:
            self.count = answers.drop_same(connection, self.space, self.digest, self.proof)
        else:
            self.count = answers.drop(connection, self.space, self.digest, self.tag)
        changes.note(connection, pen.writer, self.space, self.digest, self.tag)
        if self.at is not None:
            changes.note_drop(connection, self.space, self.at)


@dataclass(eq=False, slots=True)
class Purge:
    """Delete a row whose seal does not fit."""

    id: int

    def apply(self, connection: sqlite3.Connection, _: Pen) -> None:
        answers.purge(connection, (self.id,))


@dataclass(eq=False, slots=True)
class Touch:
    """Note that these were used."""

    used: Sequence[tuple[ExactKey, float]]

    def apply(self, connection: sqlite3.Connection, _: Pen) -> None:
        answers.touch_keys(connection, self.used)


@dataclass(eq=False, slots=True)
class Mend:
    """Set the accounts right."""

    def apply(self, connection: sqlite3.Connection, _: Pen) -> None:
        spaces.mend(connection)


@dataclass(eq=False, slots=True)
class Wake:
    """Nothing but what every transaction does: uses, expiry, bounds, the clock."""

    def apply(self, connection: sqlite3.Connection, _: Pen) -> None:
        pass


Order = Put | Drop | Purge | Touch | Mend | Wake
