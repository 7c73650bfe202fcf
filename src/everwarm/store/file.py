"""Opening one SQLite file of ours: made for its owner only, brought to our schema, set aside when it is damaged.

A damaged file never stops a start. It is renamed to NAME.corrupt-<date>-<time> (UTC), together with its -wal and -shm,
and a new one is begun. What is checked at opening is what costs the same however large the file is: SQLite's header,
our application id, the version (kept twice, so that a flipped bit is not taken for a newer program), and the text of
the schema, so that no trigger or view that we did not write ever runs. Pages are not read through: rows carry seals,
and damage that SQLite meets later is handled in the same way then (``database.py``).
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from everwarm.errors import StoreError
from everwarm.store.seal import make_folder

SIDES = ("-wal", "-shm")
KEPT_ASIDE = 3
"""Damaged files that are kept per name; older ones are removed, so that a bad disk does not fill itself."""

BUSY_SECONDS = 5.0

_log = logging.getLogger("everwarm.store")

_META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID"
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


Text = list[tuple[str, ...]]  # of a schema: (type, name, table, SQL) of all that it defines


class Schema(NamedTuple):
    """The form of a file. The Nth migration (a list of statements) brings version N-1 to N; none is ever changed.

    Migrations create and drop, they do not ``ALTER``: SQLite writes altered text in its own words, which may differ
    from one of its versions to the next, and the text is compared at opening.
    """

    application: int  # SQLite's application_id
    migrations: Sequence[Sequence[str]]

    @property
    def version(self) -> int:
        return len(self.migrations)


class _DamagedError(Exception):
    """The file is not what we wrote. Says why."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file itself is broken."""
    return _primary(error) in _DAMAGE


def is_surroundings(error: sqlite3.Error) -> bool:
    """Whether the disk, the rights or another process are to blame, not the file and not the statement."""
    return _primary(error) in _SURROUNDINGS


def _primary(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def open_file(
    path: Path, schema: Schema, clock: Callable[[], float] = time.time
) -> tuple[sqlite3.Connection, Path | None]:
    """A connection that may write, in autocommit mode; and where the damaged file went, if there was one.

    Raises StoreError when a newer program wrote the file, or when the folder, the disk or the rights do not let us.
    """
    expected = _expected(schema)  # first, so that a migration with a mistake spoils no file
    try:
        return _open(path, schema, expected), None
    except _DamagedError as damage:
        aside = set_aside(path, clock())
        _log.warning("%s is damaged (%s). It is now %s, and a new one is begun.", path, damage, aside)
    try:
        return _open(path, schema, expected), aside
    except _DamagedError as damage:
        raise StoreError(f"{path} cannot be made: {damage}. Is its disk sound?") from damage


def _open(path: Path, schema: Schema, expected: Text) -> sqlite3.Connection:
    connection = None
    try:
        _own(path)
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        _tune(connection)
        _bring_up(connection, path, schema, expected)
        return connection
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise _judge(error, path) from error
        if isinstance(error, OSError):
            raise StoreError(_advice(path, error.strerror or str(error))) from error
        raise


def _judge(error: sqlite3.Error, path: Path) -> Exception:
    """Whose fault a failed opening is. A file that we may write but that calls itself read-only is damaged."""
    readonly = (
        _primary(error) == sqlite3.SQLITE_READONLY and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    )
    if is_surroundings(error) and not readonly:
        return StoreError(_advice(path, str(error)))
    return _DamagedError(str(error))


def _advice(path: Path, why: str) -> str:
    return (
        f"{path} cannot be opened: {why}. See that the folder exists, that this user may write it, that its disk has "
        "room and that no other program holds the file; or choose another folder with --data."
    )


def _own(path: Path) -> None:
    """Make the file before SQLite does, for its owner only; -wal and -shm inherit its mode."""
    make_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _tune(connection: sqlite3.Connection) -> None:
    for pragma in (
        "journal_mode = WAL",  # readers do not wait for the writer; a commit is one append
        "synchronous = NORMAL",  # a commit survives kill -9; a power cut may take the last ones, never the file
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",  # meet damage early
        "journal_size_limit = 67108864",  # give the disk back after a burst
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection beside the writer's that cannot write."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    for pragma in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def _bring_up(connection: sqlite3.Connection, path: Path, schema: Schema, expected: Text) -> None:
    with transaction(connection):
        version = _version(connection, path, schema)
        for number in range(version, schema.version):
            for statement in schema.migrations[number]:
                connection.execute(statement)
        if version < schema.version:
            _stamp(connection, schema)
        if _text(connection) != expected:
            raise _DamagedError("its schema is not the one we wrote")


def _version(connection: sqlite3.Connection, path: Path, schema: Schema) -> int:
    """The version of the file: 0 for a new one."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if not _text(connection) and application == 0 and version == 0:
        connection.execute(_META)
        return 0
    if application != schema.application:
        raise _DamagedError("it is another program's, or its header is broken")
    copy = connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    if copy is None or copy[0] != version or version < 1:
        raise _DamagedError("its version is not readable")
    if version > schema.version:
        raise StoreError(
            f"{path} was written by a newer Everwarm (its schema is {version}, this one knows up to {schema.version}). "
            "Start the newer one, or move the file away and a new one is begun."
        )
    return version


def _stamp(connection: sqlite3.Connection, schema: Schema) -> None:
    connection.execute(f"PRAGMA application_id = {schema.application:d}")
    connection.execute(f"PRAGMA user_version = {schema.version:d}")
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", (schema.version,))


def _text(connection: sqlite3.Connection) -> Text:
    return connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
    ).fetchall()


def _expected(schema: Schema) -> Text:
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as scratch:
        scratch.execute(_META)
        for statements in schema.migrations:
            for statement in statements:
                scratch.execute(statement)
        return _text(scratch)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; takes the right to write at once, so that it cannot be refused half-way."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # the first error is the one that matters
                connection.execute("ROLLBACK")
        raise


def set_aside(path: Path, now: float) -> Path:
    """Rename the file and its -wal and -shm; say where to. Raises StoreError if it cannot be renamed."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
    aside = path.with_name(f"{path.name}.corrupt-{stamp}")
    number = 0
    while any(Path(f"{aside}{side}").exists() for side in ("", *SIDES)):
        number += 1
        aside = path.with_name(f"{path.name}.corrupt-{stamp}-{number}")
    try:
        for side in (*SIDES, ""):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{path}{side}", f"{aside}{side}")
    except OSError as error:
        raise StoreError(
            f"{path} is damaged and cannot be renamed ({error.strerror}). Move it away by hand."
        ) from error
    _forget_oldest(path)
    return aside


def _forget_oldest(path: Path) -> None:
    aside = [p for p in path.parent.glob(f"{path.name}.corrupt-*") if not p.name.endswith(SIDES)]
    for old in sorted(aside, key=lambda p: p.stat().st_mtime)[:-KEPT_ASIDE]:
        for side in ("", *SIDES):
            with contextlib.suppress(OSError):
                Path(f"{old}{side}").unlink()
        _log.warning("%s is removed: the %d newest damaged files are kept.", old, KEPT_ASIDE)
