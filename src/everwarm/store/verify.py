"""Whether the tables of stored answers are sound. For tests: reads everything."""

from __future__ import annotations

import json
import sqlite3

from everwarm.core.seal import check
from everwarm.errors import Bug
from everwarm.store import spaces
from everwarm.store.answers import sealed_parts
from everwarm.store.protocol import Entry
from everwarm.store.rules import alive, tag_bytes, weight

_ROWS = """
    SELECT e.id, e.space, name, digest, size, created, expires, mac, tags, proof, payload
    FROM entries e LEFT JOIN bodies ON entry = e.id LEFT JOIN spaces s ON s.id = e.space"""


def verify(connection: sqlite3.Connection, secret: bytes, max_bytes: int) -> None:
    """Raise Bug if an invariant does not hold."""
    connection.execute("BEGIN")  # one view of it all, also while others write
    try:
        problems = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        problems += [f"a {row[0]} without its entry" for row in connection.execute("PRAGMA foreign_key_check")]
        counted = spaces.counts(connection)
        kept = connection.execute("SELECT id, entries, bytes FROM spaces")
        if counted != {space: (n, size) for space, n, size in kept}:
            problems.append("the accounts do not fit the entries")
        if counted[0][1] > max_bytes:
            problems.append("it holds more than its bound")
        problems += _rows(connection, secret)
    finally:
        connection.execute("ROLLBACK")
    if problems:
        raise Bug(f"The store of answers is not sound: {'; '.join(problems)}.")


def _rows(connection: sqlite3.Connection, secret: bytes) -> list[str]:
    problems, seen = [], set()
    rows = connection.execute(_ROWS).fetchall()
    for id_, number, space, digest, size, created, expires, mac, tags, proof, payload in rows:
        entry = Entry(payload, created, expires, tuple(json.loads(tags)) if tags else ())
        indexed = set(connection.execute("SELECT space, tag FROM tags WHERE entry = ?", (id_,)))
        sound = (
            check(secret, sealed_parts(space, digest, proof, created, expires, tags, payload), mac)
            and size == weight(proof, entry)
            and indexed == {(number, tag_bytes(tag)) for tag in entry.tags}
            and (space, digest, proof) not in seen
            and alive(entry, created)
        )
        seen.add((space, digest, proof))
        if not sound:
            problems.append(f"entry {id_} does not fit itself")
    return problems
