"""The contract of a format of logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from everwarm.analyze.reading.record import Record, Unread


class Lines(Protocol):
    """A source, unpacked: what is read line by line, and its name. ``numbered`` skips empty lines."""

    name: str

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Line numbers from 1, and lines without their ends."""

    def whole(self) -> bytes:
        """All of it, for formats that are one JSON value."""


class Format(Protocol):
    """One kind of log."""

    name: str  # as people call it: "Claude Code transcript"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        """How sure it is, 0 to 1, from the first lines (or the first 64 kB as one) and the file's name."""

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        """All calls. Never raises for what a file holds: what it cannot read is ``Unread``."""
