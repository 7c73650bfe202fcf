"""What was asked of the disk and is not there yet: puts that are found already, drops that hide already.

Not thread-safe: its owner holds a lock.
"""

from __future__ import annotations

from everwarm.core.key import ExactKey
from everwarm.store.orders import Drop, Put

DROPS_KEPT = 10_000  # deletions that wait for a failing disk


class Pending:
    """Of one store."""

    def __init__(self) -> None:
        self._puts: dict[tuple[str, bytes], list[Put]] = {}  # by namespace and digest, equal proofs decide
        self._drops: list[Drop] = []

    def find(self, key: ExactKey) -> Put | None:
        """What waits under this very key."""
        puts = self._puts.get((key.namespace.id, key.digest), ())
        return next((put for put in puts if put.key.proof == key.proof), None)

    def add(self, put: Put) -> None:
        self._puts.setdefault((put.key.namespace.id, put.key.digest), []).append(put)

    def lift(self, put: Put) -> None:
        """Take a put out, if it is still there."""
        at = (put.key.namespace.id, put.key.digest)
        puts = self._puts.get(at, [])
        if put in puts:
            puts.remove(put)
        if not puts:
            self._puts.pop(at, None)

    def lift_hidden(self, drop: Drop) -> None:
        """Take out every put that the drop is about."""
        for at in [at for at in self._puts if at[0] == drop.space]:
            for put in list(self._puts[at]):
                if drop.hides(put.key, put.entry):
                    self.lift(put)

    def add_drop(self, drop: Drop) -> None:
        """From now on it hides what is on disk."""
        self._drops.append(drop)

    def settle(self, drop: Drop) -> None:
        """The drop is on disk."""
        self._drops.remove(drop)

    def has_room(self) -> bool:
        """Whether one more drop may wait."""
        return len(self._drops) < DROPS_KEPT

    def hides_all(self, space: str, digest: bytes) -> bool:
        """Whether whatever has this digest is to go anyway."""
        return any((drop.space, drop.digest, drop.proof) == (space, digest, None) for drop in self._drops)

    def drops_of(self, space: str) -> list[Drop]:
        """The drops of a namespace that wait now."""
        return [drop for drop in self._drops if drop.space == space]

    def clear(self) -> None:
        self._puts.clear()
