"""What the notes of a server hold, for somebody who only looks, beside it or without one. No use is noted."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from everwarm.core.layout.notes import NoteKind
from everwarm.errors import StoreError
from everwarm.store import note_table
from everwarm.store.file import open_reader
from everwarm.store.seal import load_secret


def noted(path: Path, kind: NoteKind, name: bytes) -> dict[str, bytes]:
    """The notes of this kind and name, by namespace; none where there is no file. The secret lies beside it.

    Raises ``StoreError`` if the file cannot be read.
    """
    if not path.exists():
        return {}
    secret = load_secret(path.parent)
    try:
        with closing(open_reader(path)) as connection:
            return note_table.find_everywhere(connection, secret, kind, name)
    except sqlite3.Error as error:
        raise StoreError(
            f"{path} cannot be read: {error}. The gateway sets a damaged file aside when it starts."
        ) from error
