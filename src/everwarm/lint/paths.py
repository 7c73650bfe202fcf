"""The files that are meant by what a user names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from everwarm import packing
from everwarm.folders import within

_KINDS: Final = (".py", ".json", ".jsonl", ".jsonl.gz", ".jsonl.zst")


class File(NamedTuple):
    """One to be read."""

    path: Path
    kind: str  # one of the endings above; "" if it has none of them
    named: bool  # by the user; False: found in a folder, where other files may stand too


def files(names: Iterable[str]) -> Iterator[File]:
    """Each file that is named, and in each folder that is named those that can be read, in the order of their names."""
    for text in names:
        path = Path(text)
        if path.is_dir():
            yield from (File(p, kind_of(p), named=False) for p in within(path, lambda p: bool(kind_of(p))))
        else:
            yield File(path, kind_of(path), named=True)


def kind_of(path: Path) -> str:
    """The ending that says how to read it."""
    return next((kind for kind in _KINDS if path.name.lower().endswith(kind)), "")


def lines(file: File) -> Iterator[bytes]:
    """Those of a log, with their ends, unpacked if it is packed. Raises ``OSError`` or ``PackingError``."""
    with file.path.open("rb", 0) as stream:
        yield from packing.joined(packing.unpacked(stream))
