"""Whose fault an error of SQLite is: the file's, the surroundings', or (neither) the statement's."""

from __future__ import annotations

import sqlite3

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_SURROUNDINGS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_INTERRUPT,
    }
)


Failure = sqlite3.Error | UnicodeDecodeError
"""What a call to SQLite may raise: also that its message cannot be read, since it quotes damaged text."""

FAILURES = (sqlite3.Error, UnicodeDecodeError)


def is_damage(error: Failure) -> bool:
    """Whether SQLite says that the file itself is broken."""
    return isinstance(error, UnicodeDecodeError) or primary(error) in _DAMAGE


def is_surroundings(error: Failure) -> bool:
    """Whether the disk, the rights or another process are to blame, not the file and not the statement."""
    return primary(error) in _SURROUNDINGS


def primary(error: Failure) -> int:
    """SQLite's code without its refinement."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
