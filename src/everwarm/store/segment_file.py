"""One segment's file: head, payload, MAC (``core/segments.py``).

Written beside its place and renamed into it, so whoever looks sees all of it or nothing. It is not synced: ``kill -9``
takes nothing that was renamed, and what a power cut leaves behind (a file that is short, or has zeros where the payload
was) does not fit its head or its MAC, so it costs computing that segment again, and never a wrong answer. Syncing would
cost more than it saves: it would hold up the writer, and wear the disk, for each few megabytes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from hmac import compare_digest

from everwarm.core.segments import MAC_BYTES, NAME_BYTES, Seals, Segment, head_length, pack_head, unpack_head

POSSIBLE = sys.platform != "win32"
"""Whether the system can read into many buffers at once."""

BESIDE = ".new"
"""Ends the name of a file that is being written."""

_MOST = 1024  # buffers of one call (IOV_MAX)
_GLANCE = 2048  # bytes read of each file when a folder is opened; the head of 256 tokens takes 1,100
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # no link; do not wait for a pipe
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL

Move = Callable[[int, Sequence[memoryview], int], int]


def write_beside(path: str, segment: Segment, payload: Sequence[memoryview], seals: Seals) -> str:
    """Write the file beside its place, and say where. Raises OSError, and may then leave a part of it there."""
    head = pack_head(segment)
    mac = seals.mac(head, payload)
    file = os.open(path + BESIDE, _MAKE, 0o600)
    try:
        _move(os.pwritev, file, [memoryview(head), *payload, memoryview(mac)])
    finally:
        os.close(file)
    return path + BESIDE


def read_into(path: str, segment: Segment, into: Sequence[memoryview], seals: Seals) -> bool:
    """Read the payload into these buffers; whether the file is whole and of this very segment. Raises OSError.

    The system copies straight into the buffers; what is verified is what they hold then, not what is on the disk.
    """
    head = pack_head(segment)
    found, mac = bytearray(len(head)), bytearray(MAC_BYTES)
    file = os.open(path, _READ)
    try:
        if not _is_whole(os.fstat(file), segment):
            return False
        if not _move(os.preadv, file, [memoryview(found), *into, memoryview(mac)]):
            return False
        os.utime(file)
    finally:
        os.close(file)
    return found == head and compare_digest(seals.mac(head, into), mac)


def glance(path: str, name: bytes, seals: Seals) -> tuple[Segment, float] | None:
    """The segment of a file, and when it was last used; None if it is no file, or not as we wrote it.

    Only head and length are looked at, not the payload.
    """
    try:
        file = os.open(path, _READ)
        try:
            head = os.pread(file, _GLANCE, 0)
            length = head_length(head) or 0
            head = head[:length] if length <= len(head) else os.pread(file, length, 0)
            status = os.fstat(file)
        finally:
            os.close(file)
    except OSError:
        return None
    if not compare_digest(seals.name(head), name):
        return None
    segment = unpack_head(head, name)
    return (segment, status.st_mtime) if _is_whole(status, segment) else None


def name_of(file: str) -> bytes | None:
    """The segment's name in the name of its file, or of one that is being written; None if it is another kind."""
    digits = file.removesuffix(BESIDE)
    try:
        name = bytes.fromhex(digits)
    except ValueError:
        return None
    return name if len(name) == NAME_BYTES and name.hex() == digits else None


def erase(path: str) -> None:
    """Remove what is there, also a link or a folder that somebody has put in a file's place; or leave it."""
    with contextlib.suppress(OSError):
        try:
            os.unlink(path)
        except (IsADirectoryError, PermissionError):  # what unlink says of a folder; the second on macOS
            shutil.rmtree(path)


def _is_whole(status: os.stat_result, segment: Segment) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_size == segment.size


def _move(move: Move, file: int, buffers: Iterable[memoryview]) -> bool:
    """Move all bytes between the buffers and the file, from its start on; False if the file ends before them."""
    at, left = 0, [b for b in buffers if b.nbytes]
    while left:
        moved = move(file, left[:_MOST], at)
        if moved == 0:
            return False
        at += moved
        left = _behind(left, moved)
    return True


def _behind(buffers: Sequence[memoryview], count: int) -> list[memoryview]:
    """What is left of the buffers behind the first ``count`` bytes."""
    for place, buffer in enumerate(buffers):
        if count < buffer.nbytes:
            return [buffer[count:], *buffers[place + 1 :]]
        count -= buffer.nbytes
    return []
