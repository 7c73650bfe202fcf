"""Payloads for tests of segments: made of the tokens, so that whoever reads one knows what it must be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import shake_128
from pathlib import Path

from everwarm.core import key
from everwarm.core.segments import Segment
from everwarm.store.segments import Segments

if os.environ.get("EVERWARM_TEST_CONSTANT_HASH"):  # as in conftest.py: a child process writes where we look
    key.hint = lambda data: b"\0" * key.DIGEST_BYTES

SECRET = bytes(range(32))
IDENTITY = "tiny q8_0 f16"
SIZES = (96, 0, 7, 64)  # bytes of the pieces of one segment


def segments(folder: Path, *, secret: bytes = SECRET, identity: str = IDENTITY, capacity: int = 2**30) -> Segments:
    """Not opened yet."""
    return Segments(folder, secret, identity, capacity)


def pieces(tokens: Sequence[int], sizes: Sequence[int] = SIZES, space: str = "public") -> list[memoryview]:
    """The payload of a segment of these tokens."""
    whole = memoryview(shake_128(repr((space, tuple(tokens))).encode()).digest(sum(sizes)))
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [whole[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def empty(sizes: Sequence[int] = SIZES) -> list[memoryview]:
    """Buffers to read it into."""
    return [memoryview(bytearray(size)) for size in sizes]


def write(
    store: Segments,
    tokens: Sequence[int],
    parent: Segment | None = None,
    sizes: Sequence[int] = SIZES,
    space: str = "public",
) -> Segment | None:
    """Behind ``parent``, or at the beginning."""
    name, start = (parent.name, parent.end) if parent else (b"", 0)
    return store.write(space, name, start, tokens, pieces(tokens, sizes, space))


def line(store: Segments, count: int, first: int = 0, space: str = "public") -> list[Segment]:
    """One behind the other."""
    made: list[Segment] = []
    for i in range(count):
        segment = write(store, (first, i), made[-1] if made else None, space=space)
        assert segment is not None
        made.append(segment)
    return made


def read(store: Segments, segment: Segment, sizes: Sequence[int] = SIZES) -> bool:
    """Whether it can be read; and what is read is right."""
    into = empty(sizes)
    if not store.read(segment, into):
        return False
    assert into == pieces(segment.tokens, sizes, segment.namespace), "another content"
    return True


def file_of(folder: Path, segment: Segment) -> Path:
    (path,) = folder.glob(f"*/{segment.name.hex()}")
    return path
