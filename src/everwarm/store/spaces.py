"""What each namespace holds on disk, and what goes when it is too much. Functions of a connection, in a transaction.

The accounts are rows of ``spaces``, kept by triggers in the very transaction that writes or deletes an entry: so they
are right whatever process writes, and however it ends. Who loses entries is decided in ``core/eviction.py``.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Mapping

from everwarm.core.eviction import NO_QUOTA, Quota, Ranking, excess
from everwarm.store import answers
from everwarm.store.protocol import Accounting

Quotas = Mapping[str, Quota]

LOOKED_AT = 64  # namespaces without a floor, the largest, that are compared at a time
AT_ONCE = 500  # entries of one namespace that are chosen at a time

_COUNT = "SELECT space, COUNT(*), SUM(size) FROM entries INDEXED BY entries_by_key GROUP BY space"
_LARGEST = "SELECT name, bytes FROM spaces WHERE id <> 0 ORDER BY bytes DESC, name LIMIT ?"
_OLDEST = """
    SELECT id, size FROM entries WHERE space = (SELECT id FROM spaces WHERE name = ?) ORDER BY used, id LIMIT ?"""


def held(connection: sqlite3.Connection, space: str = "") -> Accounting:
    """What a namespace holds; '': all of them."""
    row = connection.execute("SELECT entries, bytes FROM spaces WHERE name = ?", (space,)).fetchone()
    return Accounting(*row) if row else Accounting(0, 0)


def trim(connection: sqlite3.Connection, bound: int, quotas: Quotas, at: float) -> None:
    """Get within the bound: the expired first, then the least recently used of who is furthest above its floor."""
    if held(connection).bytes > bound:
        answers.expire(connection, at, -1)
    while (over := held(connection).bytes - bound) > 0:
        doomed = _doomed(connection, over, quotas)
        if not doomed:
            break  # the accounts are wrong; they are set right after the next start
        answers.purge(connection, doomed)


def keep_caps(connection: sqlite3.Connection, names: Iterable[str], quotas: Quotas) -> None:
    """Bring each of these namespaces within its cap, if it has one."""
    for name in names:
        cap = quotas.get(name, NO_QUOTA).cap
        while cap is not None and (over := held(connection, name).bytes - cap) > 0:
            doomed = []
            for id_, size in _oldest(connection, name):
                if over <= 0:
                    break
                doomed.append(id_)
                over -= size
            if not doomed:
                break
            answers.purge(connection, doomed)


def _doomed(connection: sqlite3.Connection, over: int, quotas: Quotas) -> list[int]:
    """The next entries to evict, one at least: of ``over`` bytes, or as many as can be told without looking again."""
    ranking, least = _ranked(connection, quotas)
    queues: dict[str, deque[tuple[int, int]]] = {}
    doomed: list[int] = []
    while over > 0 and len(ranking):
        name = ranking.largest()
        if name not in queues:
            queues[name] = deque(_oldest(connection, name))
        if not queues[name] or (doomed and ranking[name] < least):
            break
        id_, size = queues[name].popleft()
        doomed.append(id_)
        over -= size
        ranking.set(name, ranking[name] - size)
    return doomed


def _ranked(connection: sqlite3.Connection, quotas: Quotas) -> tuple[Ranking, int]:
    """Who may have to give, by excess; and a number: the excess of all who were not looked at is no larger."""
    floors = {name for name, quota in quotas.items() if quota.floor}
    most = LOOKED_AT + len(floors)
    largest: list[tuple[str, int]] = connection.execute(_LARGEST, (most,)).fetchall()
    sizes = dict(largest)
    for name in floors - sizes.keys():
        sizes[name] = held(connection, name).bytes
    ranking = Ranking()
    for name, size in sizes.items():
        if size:
            ranking.set(name, excess(size, quotas.get(name, NO_QUOTA)))
    return ranking, largest[-1][1] if len(largest) == most else 0


def _oldest(connection: sqlite3.Connection, name: str) -> list[tuple[int, int]]:
    return connection.execute(_OLDEST, (name, AT_ONCE)).fetchall()


def skewed(connection: sqlite3.Connection) -> bool:
    """Whether damage made the accounts wrong. Reads an index through: not on a connection that others wait for."""
    connection.execute("BEGIN")  # one view of both
    try:
        return counts(connection) != _kept(connection)
    finally:
        connection.execute("ROLLBACK")


def mend(connection: sqlite3.Connection) -> None:
    """Set the accounts right."""
    connection.execute("INSERT OR IGNORE INTO spaces VALUES (0, '', 0, 0)")
    connection.execute("DELETE FROM entries WHERE space NOT IN (SELECT id FROM spaces WHERE id <> 0)")
    connection.execute("UPDATE spaces SET entries = 0, bytes = 0")
    connection.executemany(
        "UPDATE spaces SET entries = ?, bytes = ? WHERE id = ?",
        [(*account, space) for space, account in counts(connection).items()],
    )
    connection.execute("DELETE FROM spaces WHERE entries = 0 AND id <> 0")


def counts(connection: sqlite3.Connection) -> dict[int, tuple[int, int]]:
    """What the accounts should say: number of the namespace -> (entries, bytes)."""
    counted = {space: (entries, size) for space, entries, size in connection.execute(_COUNT)}
    counted[0] = (sum(n for n, _ in counted.values()), sum(size for _, size in counted.values()))
    return counted


def _kept(connection: sqlite3.Connection) -> dict[int, tuple[int, int]]:
    return {space: (n, size) for space, n, size in connection.execute("SELECT id, entries, bytes FROM spaces")}
