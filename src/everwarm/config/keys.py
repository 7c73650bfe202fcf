"""``DATA/keys.toml``: digests of the keys that ``everwarm keys add`` has made. No key is in it.

Every change is made under a lock between processes, and the file is replaced whole: whoever reads it finds the old or
the new one. A file that cannot be understood is never written over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from everwarm.config import file
from everwarm.config.kinds import Text, Wrong
from everwarm.config.names import Name
from everwarm.config.problems import Problems, misfit
from everwarm.config.setting import required, rows
from everwarm.config.tables import Tables
from everwarm.errors import ConfigError
from everwarm.lock import file_lock

FILE = "keys.toml"
VERSION = 1
PREFIX = "ew-"  # what a key starts with, so that it is known for ours wherever it turns up
LARGEST = 4 << 20  # bytes; some 25,000 keys

_LOCK = "keys.lock"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD = f"""# Keys of Everwarm's tenants, as SHA-256 digests. Changed by: everwarm keys add, everwarm keys remove
version = {VERSION}
"""


class _Digest(Text):
    """The SHA-256 of a key: 64 lower-case hexadecimal digits, with ``sha256:`` in front in the file."""

    def of_text(self, text: str) -> str:
        if not _DIGEST.fullmatch(text):
            raise Wrong('found a text that is no digest; allowed is "sha256:" and 64 hexadecimal digits.')
        return text.removeprefix("sha256:")


class _Moment(Text):
    """A moment in UTC, to the second."""

    def of_text(self, text: str) -> str:
        try:
            if len(text) == 20 and text.endswith("Z") and datetime.fromisoformat(text):
                return text
        except ValueError:
            pass
        raise Wrong


@dataclass(frozen=True, slots=True)
class Key:
    """One ``[[key]]``."""

    name: str = required(Name("public"), "whose it is")
    digest: str = required(_Digest("a digest"), "its SHA-256: 64 lower-case hexadecimal digits")
    created_at: str = required(_Moment('a moment such as "2026-01-31T12:00:00Z"'), "when it was made")


_MEMBERS = rows(Key)


def made(name: str, credential: str, at: datetime) -> Key:
    """The key that this credential is; ``ConfigError`` if nobody can have that name."""
    kind = _MEMBERS[0].kind
    try:
        return Key(kind.of_text(name), sha256(credential.encode()).hexdigest(), at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    except Wrong as wrong:
        raise ConfigError(f"NAME: {misfit(name, kind, wrong)}") from None


class KeyLine(NamedTuple):
    """A key with the place where it stands: for a message, and for a table of sources."""

    key: Key
    where: str
    source: str


def read(data: Path, problems: Problems) -> list[KeyLine]:
    """The keys of a data folder, in the order of their making; what is wrong goes to ``problems``."""
    path = data / FILE
    if not os.path.lexists(path):
        return []
    mine = Problems()
    document = file.read(path, str(path), "", mine, largest=LARGEST)
    lines = [] if mine else list(_lines(Tables(document, mine)))
    problems.follow(mine)
    return lines


def _lines(tables: Tables) -> Iterator[KeyLine]:
    document = tables.document
    if document.data.get("version") != VERSION:
        tables.add(("version",), f"this Everwarm reads version {VERSION} only; was it written by a newer one?")
        return
    for name in document.data:
        if name not in ("version", "key"):
            tables.add((name,), "unknown; known here are version and key.")
    for path, table in tables.tables("key", "name, digest and created_at"):
        good = tables.row(path, table, _MEMBERS)
        if good:
            yield KeyLine(Key(**good), tables.where(path), document.source(path))


def known(data: Path) -> list[Key]:
    """The keys of a data folder; raises ``ConfigError`` if the file is not as it should be."""
    problems = Problems()
    lines = read(data, problems)
    problems.raise_if_any()
    return [line.key for line in lines]


def add(data: Path, key: Key) -> None:
    """Remember one more key."""
    with _alone(data):
        _write(data / FILE, [*known(data), key])


def remove(data: Path, name: str, prefix: str = "") -> list[Key]:
    """Forget the keys of a name, or that one of them whose digest starts so. Returns those that are forgotten.

    Raises ``ConfigError`` if there is none, or if ``prefix`` fits several.
    """
    with _alone(data):
        keys = known(data)
        gone = _chosen(keys, name, prefix.lower().removeprefix("sha256:"))
        _write(data / FILE, [key for key in keys if key not in gone])
    return gone


def _chosen(keys: Sequence[Key], name: str, prefix: str) -> list[Key]:
    chosen = [key for key in keys if key.name == name and key.digest.startswith(prefix)]
    if not chosen:
        whose = f"{name} with a digest that starts with {prefix}" if prefix else name
        raise ConfigError(f"There is no key of {whose}. See: everwarm keys list")
    if prefix and len(chosen) > 1:
        raise ConfigError(f"{len(chosen)} keys of {name} have a digest that starts with {prefix}: give more of it.")
    return chosen


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """No other process changes the file meanwhile."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file_lock(data / _LOCK, lambda: None):
            yield
    except OSError as error:
        raise ConfigError(f"{data / FILE} cannot be written: {error.strerror or error}.") from error


def _write(path: Path, keys: Sequence[Key]) -> None:
    """Whole or not at all: written beside, synced, then renamed over."""
    text = (_HEAD + "".join(map(_as_toml, keys))).encode()
    if len(text) > LARGEST:
        raise ConfigError(f"{path} holds {len(keys) - 1} keys; there is no room for another. Remove some.")
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)  # of a process of the same number that was killed at this place
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _as_toml(key: Key) -> str:
    return f'\n[[key]]\nname = "{key.name}"\ndigest = "sha256:{key.digest}"\ncreated_at = "{key.created_at}"\n'
