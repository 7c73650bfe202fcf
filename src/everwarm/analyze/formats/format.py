"""The contract of a format of logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from everwarm.analyze.reading.record import Record, Unread


class Lines(Protocol):
    """A source, unpacked, and its name. It is read once, in one of three ways; ``head`` may be asked before."""

    name: str

    def head(self) -> bytes:
        """The first 64 kB, or the first line if that is longer; all of it, if it has less."""

    def numbered(self) -> Iterator[tuple[int, bytes]]:
        """Line numbers from 1, and lines without their ends. Empty ones are skipped."""

    def pieces(self) -> Iterator[bytes]:
        """All of it, in pieces of any size."""

    def whole(self) -> bytes:
        """All of it, at once."""


class Format(Protocol):
    """One kind of log."""

    name: str  # as people call it: "Claude Code transcript"

    def fits(self, head: Iterable[bytes], name: str) -> float:
        """How sure it is, 0 to 1, from the first lines (or the first 64 kB as one) and the file's name."""

    def read(self, lines: Lines) -> Iterator[Record | Unread]:
        """All calls. Never raises for what a file holds: what it cannot read is ``Unread``."""
