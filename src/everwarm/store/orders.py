"""What waits to be done to the answers on disk. Each is itself: compared by identity, applied by the writer thread.

``apply`` runs in a transaction, and may run again if that fails. Times are on the store's ``Timeline``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
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
    fresh: bool = False  # the disk surely has nothing under this digest

    def apply(self, connection: sqlite3.Connection, pen: Pen) -> None:
        put_all(connection, pen, (self,))

    def overtaken(self, connection: sqlite3.Connection, dropped: float | None) -> bool:
        """Whether something happened since it was asked for. ``dropped``: when its namespace dropped something last."""
        if self.began is None:
            return False
        if dropped is not None and dropped >= self.began:
            return True
        return not self.fresh and answers.has_newer(connection, self.key, self.began)


def put_all(connection: sqlite3.Connection, pen: Pen, puts: Sequence[Put]) -> None:
    """Puts with different keys, in few statements."""
    drops = {space: changes.dropped(connection, space) for space in {put.key.namespace.id for put in puts}}
    new, noted = [], []
    for put in puts:
        space, digest = put.key.namespace.id, put.key.digest
        if put.overtaken(connection, drops[space]):
            noted.append((changes.NOBODY, space, digest))  # our own memory has it: not for long
            continue
        if not put.fresh:
            answers.drop_same(connection, space, digest, put.key.proof)
        new.append(answers.New(put.key, put.entry, put.at))
        noted.append((pen.writer, space, digest))
    answers.insert(connection, pen.secret, new)
    changes.note_puts(connection, noted)


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


def in_batches(orders: Iterable[Order]) -> Iterator[Order | list[Put]]:
    """In the same order; puts that follow each other together, as long as no key comes again."""
    batch: dict[ExactKey, Put] = {}
    for order in orders:
        if batch and (not isinstance(order, Put) or order.key in batch):
            yield list(batch.values())
            batch = {}
        if isinstance(order, Put):
            batch[order.key] = order
        else:
            yield order
    if batch:
        yield list(batch.values())
