"""Opening one SQLite file of ours: made for its owner only, brought to our schema, set aside when it is damaged.

A damaged file never stops a start. It is renamed to NAME.corrupt-<date>-<time> (UTC), together with its -wal and -shm,
and a new one is begun. What is checked at opening is what costs the same however large the file is: SQLite's header,
our application id, the version (kept twice, so that a flipped bit is not taken for a newer program), and the text of
the schema, so that no trigger or view that we did not write ever runs. Pages are not read through: rows carry seals,
and damage that SQLite meets later is handled in the same way then (``handle.py``).

Several processes may have the file open. Opening, migrating and setting aside are done by one at a time (``alone.py``).
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from everwarm.errors import StoreError
from everwarm.store.alone import alone
from everwarm.store.aside import set_aside
from everwarm.store.blame import FAILURES, Failure, is_surroundings, primary
from everwarm.store.seal import make_folder

BUSY_SECONDS = 5.0  # how long to wait for another process that writes
PAGE_BYTES = 4096
CHECKPOINT_BYTES = 4 * 2**20  # of log, before it is copied into the file

_log = logging.getLogger("everwarm.store")

_META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID"

Identity = tuple[int, int]  # device and inode
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


class Opened(NamedTuple):
    """A file that is ours. Both connections are in autocommit mode."""

    writer: sqlite3.Connection
    reader: sqlite3.Connection  # cannot write
    identity: Identity
    aside: Path | None  # where the damaged file went, if there was one


def open_file(
    path: Path, schema: Schema, clock: Callable[[], float] = time.time, *, page_bytes: int = PAGE_BYTES
) -> Opened:
    """Open the file, or make it, with pages of ``page_bytes`` (an existing one keeps its own).

    Raises StoreError when a newer program wrote the file, or when the folder, the disk or the rights do not let us.
    """
    expected = _expected(schema)  # first, so that a migration with a mistake spoils no file
    with _in_charge(path):
        try:
            return _open(path, schema, expected, page_bytes, None)
        except _DamagedError as damage:
            aside = set_aside(path, clock())
            _log.warning("%s is damaged (%s). It is now %s, and a new one is begun.", path, damage, aside)
        try:
            return _open(path, schema, expected, page_bytes, aside)
        except _DamagedError as damage:
            raise StoreError(f"{path} cannot be made: {damage}. Is its disk sound?") from damage


def put_aside(path: Path, identity: Identity | None, damage: Failure, now: float) -> None:
    """Set a file aside that was found damaged while it was open, unless another process has already done so."""
    with _in_charge(path):
        if not is_moved(path, identity):
            aside = set_aside(path, now)
            _log.warning("%s is damaged (%s). It is now %s, and a new one is begun.", path, damage, aside)


def open_reader(path: Path) -> sqlite3.Connection:
    """One more connection that only reads, for what takes long. Raises StoreError or sqlite3.Error."""
    with _in_charge(path), contextlib.ExitStack() as stack:
        reader = stack.enter_context(contextlib.closing(_connect(path)))
        _restrain(reader)
        stack.pop_all()
        return reader


def is_moved(path: Path, identity: Identity | None) -> bool:
    """Whether there is no longer the same file at ``path``: another process set it aside, or somebody removed it."""
    try:
        return identity != _identity(path)
    except OSError:
        return True


def _identity(path: Path) -> Identity:
    status = path.stat()
    return status.st_dev, status.st_ino


@contextlib.contextmanager
def _in_charge(path: Path) -> Iterator[None]:
    """No other process opens or sets aside a file of this folder meanwhile."""
    try:
        make_folder(path.parent)
        with alone(path.parent):
            yield
    except OSError as error:
        raise StoreError(_advice(path, error.strerror or str(error))) from error


def _open(path: Path, schema: Schema, expected: Text, page_bytes: int, aside: Path | None) -> Opened:
    with contextlib.ExitStack() as stack:
        try:
            _own(path)
            writer = stack.enter_context(contextlib.closing(_connect(path)))
            _tune(writer, page_bytes)
            _bring_up(writer, path, schema, expected)
            reader = stack.enter_context(contextlib.closing(_connect(path)))
            _restrain(reader)
            opened = Opened(writer, reader, _identity(path), aside)
        except FAILURES as error:
            raise _judge(error, path) from error
        stack.pop_all()  # both stay open
        return opened


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _judge(error: Failure, path: Path) -> Exception:
    """Whose fault a failed opening is. A file that we may write but that calls itself read-only is damaged."""
    readonly = (
        primary(error) == sqlite3.SQLITE_READONLY and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
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
    """Make the file before SQLite does, for its owner only; -wal and -shm inherit its mode.

    One that exists is not opened here, not even for a moment: closing it would let go of all locks that SQLite holds on
    it for this process, and another process could then take its log away.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)


def _tune(connection: sqlite3.Connection, page_bytes: int) -> None:
    for pragma in (
        f"page_size = {page_bytes:d}",  # of a new file
        "journal_mode = WAL",  # readers do not wait for the writer; a commit is one append
        "synchronous = NORMAL",  # a commit survives kill -9; a power cut may take the last ones, never the file
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",  # meet damage early
        "journal_size_limit = 67108864",  # give the disk back after a burst
        f"wal_autocheckpoint = {CHECKPOINT_BYTES // page_bytes:d}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _restrain(connection: sqlite3.Connection) -> None:
    """Make it a connection that only reads, and have it open the log while no other process can rename it."""
    for pragma in ("query_only = ON", "trusted_schema = OFF", "cell_size_check = ON"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchall()


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


@functools.cache
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


def used_bytes(connection: sqlite3.Connection) -> int:
    """Pages in use, in bytes."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
