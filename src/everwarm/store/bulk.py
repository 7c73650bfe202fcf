"""Many rows in one statement.

For each statement, the writing thread gives up Python's lock and takes it again several times, against an event loop
that wants it too: row by row, that was most of what a row cost. Statements come in few sizes, since SQLite's compiled
form of each is kept, and that of a thousand rows takes a megabyte: what is left of a size is filled with empty rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, repeat
from typing import Final

MOST: Final = 1024
"""Rows in one statement. SQLite takes 32,766 values."""

Value = int | float | str | bytes | None


def insert(connection: sqlite3.Connection, into: str, rows: Sequence[Sequence[Value]]) -> None:
    """``into``: a table, or a table with its columns, of which the first is never null. It is part of the statement."""
    for at in range(0, len(rows), MOST):
        some = rows[at : at + MOST]
        size, width = 1 << (len(some) - 1).bit_length(), len(some[0])
        nothing = repeat(None, (size - len(some)) * width)
        connection.execute(_statement(into, size, width), tuple(chain(chain.from_iterable(some), nothing)))


@lru_cache(maxsize=256)
def _statement(into: str, rows: int, columns: int) -> str:
    places = ", ".join([f"({', '.join('?' * columns)})"] * rows)
    return f"INSERT INTO {into} SELECT * FROM (VALUES {places}) WHERE column1 IS NOT NULL"  # noqa: S608  names of ours
