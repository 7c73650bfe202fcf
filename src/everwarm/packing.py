"""Packed files (gzip, zstd), told by how they begin and not by their names; and lines of what comes in pieces."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader, RawIOBase
from typing import Any, Final, Protocol

PACKED: Final = 64 * 1024
"""Bytes that are unpacked at once: of what is packed best (a thousand to one) they make 64 MB."""

CHUNK: Final = 128 * 1024
"""Bytes that are read at once of a plain file, and taken apart to lines: no more than a core keeps close to itself."""


class Readable(Protocol):
    """A source of bytes."""

    def read(self, size: int, /) -> bytes:
        """At most so many; b"" at the end. Raises ``OSError``."""
        ...


class PackingError(ValueError):
    """It cannot be unpacked, or only to a point. Says why. Never leaves the reader of a file."""


def unpacked(stream: Readable) -> Iterator[bytes]:
    """All that is in it, in pieces. Raises ``PackingError`` where that ends early, and ``OSError``."""
    begin = stream.read(PACKED)
    rest = _Joined(begin, stream)
    if begin.startswith(b"\x1f\x8b"):
        yield from _gunzip(rest)
    elif begin[:4] == b"\x28\xb5\x2f\xfd" or (begin[1:4] == b"\x2a\x4d\x18" and begin[0] & 0xF0 == 0x50):
        yield from _unzstd(rest)
    else:
        while piece := rest.read(CHUNK):
            yield piece


def joined(pieces: Iterable[bytes]) -> BufferedReader:
    """What they make together, to be read as a file; line by line in the memory of the longest one."""
    return BufferedReader(_Pieces(pieces), CHUNK)


class _Pieces(RawIOBase):
    """A stream of what comes in pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, room: memoryview, /) -> int:  # type: ignore[override]
        """Of any piece but an empty one, which is no end."""
        while not self._left and (piece := next(self._pieces, None)) is not None:
            self._left = memoryview(piece)
        size = min(len(room), len(self._left))
        room[:size], self._left = self._left[:size], self._left[size:]
        return size


class _Joined:
    """A stream of which the beginning was read."""

    def __init__(self, begin: bytes, stream: Readable) -> None:
        self._begin, self._stream = begin, stream

    def read(self, size: int, /) -> bytes:
        begin, self._begin = self._begin, b""
        return begin or self._stream.read(size)


def _gunzip(stream: Readable) -> Iterator[bytes]:
    try:
        yield from _members(stream, lambda: zlib.decompressobj(wbits=31))
    except zlib.error as e:
        raise PackingError(f"it cannot be unpacked beyond this: {e}") from None


def _unzstd(stream: Readable) -> Iterator[bytes]:
    try:
        zstandard = importlib.import_module("zstandard")
    except ImportError:
        raise PackingError("it is packed with zstd: install the package zstandard, or unpack it first") from None
    try:
        yield from _members(stream, zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj)
    except zstandard.ZstdError as e:
        raise PackingError(f"it cannot be unpacked beyond this: {e}") from None


def _members(stream: Readable, begin: Callable[[], Any]) -> Iterator[bytes]:
    """Of a file that is one or more packed ones after each other, as rotated logs are when they are joined."""
    unpack = begin()
    while data := stream.read(PACKED):
        while data:
            if unpack.eof:
                if not data.strip(b"\0"):  # what tapes and some writers pad with
                    break
                unpack = begin()
            yield unpack.decompress(data)
            data = unpack.unused_data if unpack.eof else b""
    if not unpack.eof:
        raise PackingError("it is packed, and its end is missing")
