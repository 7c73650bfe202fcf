"""Segments of the model's KV cache in a folder: one file each, sealed, named by what it holds.

``FOLDER/IDENTITY/NAME``: the identity's digest is a hint, too; that a file is of this identity is shown by its seals.
One process has the folder, whoever locked it first; the others go on without. (They could read along, but would have to
be told of every file that goes, for little: the prompts that a second process sees are warm in its memory, or else are
computed once.)

Which MAC: measured on 23 MB (1,000 tokens of SmolLM2 in f16) in pieces of 12 kB, on one core of an EPYC with the
instructions for SHA: HMAC-SHA-256 15 ms, keyed BLAKE2b 28 ms, BLAKE2s 49 ms; reading alone takes 2 to 3 ms from the
page cache. For pieces of this size hashlib lets go of the interpreter's lock, so ``read_many`` uses several cores.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

from everwarm.core import key
from everwarm.core.segments import Seals, Segment, in_order
from everwarm.errors import Bug, StoreError
from everwarm.lock import file_lock
from everwarm.store import segment_file
from everwarm.store.other_segments import OtherSegments
from everwarm.store.seal import make_folder

LOCK_NAME = ".lock"
WARN_SECONDS = 60.0
READERS = min(4, os.cpu_count() or 1)
"""Threads that read and verify at a time."""

_PATIENCE = 5.0  # seconds that closing waits for a write, which a disk may hold up
_log = logging.getLogger("everwarm.store")


class Segments:
    """A ``SegmentStore`` in a folder of its own. Nothing is read or made before ``open``."""

    def __init__(
        self,
        folder: Path,
        secret: bytes,
        identity: str,
        capacity: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``identity``: all that decides the bits of a payload beside the tokens: weights, quantisation, build,
        settings, precision, in which pieces it is written. ``capacity``: bytes, of all identities together."""
        self.capacity = capacity
        self.dropped = 0  # files that were not as they had been written, or without their parent
        self.unwritten = 0  # segments that could not be kept
        self._folder = folder
        self._home = folder / key.hint(identity.encode()).hex()
        self._seals = Seals(secret, identity)
        self._others = OtherSegments(folder, self._home)
        self._clock = clock
        self._warned = -WARN_SECONDS
        self._known: dict[bytes, Segment] = {}
        self._bytes = 0
        self._readers: ThreadPoolExecutor | None = None  # while it is open
        self._stack = ExitStack()  # of what closing closes
        self._lock = threading.Lock()  # what is known, and the names on disk; held for moments
        self._writing = threading.Lock()

    @property
    def held(self) -> int:
        return self._bytes

    def open(self) -> list[Segment]:
        """See ``SegmentStore``. Reads no payload: 10,000 files take less than a second. Once only."""
        if not segment_file.POSSIBLE:
            raise StoreError("KV segments cannot be kept on this system: it cannot read into many buffers at once.")
        with ExitStack() as stack:
            try:
                make_folder(self._folder)
                stack.enter_context(file_lock(self._folder / LOCK_NAME, self._taken))
                segments = self._scan()
                self._others.survey()
            except OSError as error:
                raise StoreError(
                    f"KV segments cannot be kept in {self._folder}: {error.strerror or error}. Give this user the "
                    "right to read and write it, or choose another folder with --data."
                ) from error
            self._readers = stack.enter_context(ThreadPoolExecutor(READERS, thread_name_prefix="everwarm-segments"))
            self._stack = stack.pop_all()
        self._known = {segment.name: segment for segment in segments}
        self._bytes = sum(segment.size for segment in segments)
        self._others.fit(self.capacity - self._bytes)
        return segments

    def write(
        self, namespace: str, parent: bytes, start: int, tokens: Sequence[int], pieces: Sequence[memoryview]
    ) -> Segment | None:
        payload = [piece.cast("B") for piece in pieces]
        segment = self._seals.segment(namespace, parent, start, tokens, sum(map(len, payload)))
        with self._writing:
            known = self._known.get(segment.name)
            if known is not None or self._readers is None:
                return known if known == segment else None
            try:
                self._write(segment, payload)
            except OSError as error:
                self.unwritten += 1
                self._warn("written", error)
                for left in (self._path(segment), self._path(segment) + segment_file.BESIDE):
                    segment_file.erase(left)
                return None
        return segment

    def read(self, segment: Segment, into: Sequence[memoryview]) -> bool:
        payload = [piece.cast("B") for piece in into]
        if sum(map(len, payload)) != segment.payload:
            raise ValueError(f"{sum(map(len, payload))} bytes of buffers for a payload of {segment.payload}")
        if self._known.get(segment.name) != segment:
            return False
        try:
            whole = segment_file.read_into(self._path(segment), segment, payload, self._seals)
        except OSError as error:
            self._warn("read", error)
            whole = False
        if not whole and self._forget(segment):
            self.dropped += 1
        return whole

    def read_many(self, wanted: Sequence[tuple[Segment, Sequence[memoryview]]]) -> list[bool]:
        if self._readers is None or len(wanted) == 1:
            return [self.read(segment, into) for segment, into in wanted]
        return list(self._readers.map(lambda one: self.read(*one), wanted))

    def touch(self, segment: Segment) -> None:
        with suppress(OSError):
            os.utime(self._path(segment), follow_symlinks=False)

    def remove(self, segment: Segment) -> None:
        self._forget(segment)

    def close(self) -> None:
        """See ``SegmentStore``. Waits for reads, and some seconds for a write."""
        waited = self._writing.acquire(timeout=_PATIENCE)
        self._stack.close()
        self._readers = None
        self._known = {}
        self._bytes = 0
        if waited:
            self._writing.release()

    def check_integrity(self) -> None:
        """Raise ``Bug`` if what is known does not fit itself or the folder. For tests, when nothing else runs."""
        sizes = {name.hex(): segment.size for name, segment in self._known.items()}
        if sum(sizes.values()) != self._bytes:
            raise Bug(f"Segments: {self._bytes} bytes are said to be held, and {sum(sizes.values())} are.")
        on_disk = {e.name: e.stat().st_size for e in os.scandir(self._home)} if sizes else {}
        if sizes != on_disk:
            raise Bug(f"Segments: what is known does not fit what is in {self._home}.")

    def _path(self, segment: Segment) -> str:
        return f"{self._home}/{segment.name.hex()}"

    def _scan(self) -> list[Segment]:
        """What the folder holds; what is not right goes. Raises OSError if the folder itself cannot be used."""
        if self._home.is_symlink() or not self._home.is_dir():
            segment_file.erase(str(self._home))
        make_folder(self._home)
        os.utime(self._home)  # used now
        found = dict(self._glances())
        segments = in_order(found)
        for name in found.keys() - {segment.name for segment in segments}:
            self._discard(f"{self._home}/{name.hex()}")
        if self.dropped:
            told = (self.dropped, self._home)
            _log.warning("%d files in %s are removed: not whole, or not ours, or what they continue is gone.", *told)
        return segments

    def _glances(self) -> Iterator[tuple[bytes, tuple[Segment, float]]]:
        """The segments whose heads are right, by name, with the time of their last use."""
        for file in os.listdir(self._home):
            name, path = segment_file.name_of(file), f"{self._home}/{file}"
            if name is None:
                continue  # none of ours
            if file.endswith(segment_file.BESIDE):
                segment_file.erase(path)  # we were interrupted
                continue
            seen = segment_file.glance(path, name, self._seals)
            if seen is None:
                self._discard(path)
            else:
                yield name, seen

    def _discard(self, path: str) -> None:
        segment_file.erase(path)
        self.dropped += 1

    def _write(self, segment: Segment, payload: Sequence[memoryview]) -> None:
        make_folder(self._home)  # somebody may have emptied the data folder
        self._others.fit(self.capacity - self._bytes - segment.size)
        path = self._path(segment)
        beside = segment_file.write_beside(path, segment, payload, self._seals)
        with self._lock:
            os.replace(beside, path)
            self._known[segment.name] = segment
            self._bytes += segment.size

    def _forget(self, segment: Segment) -> bool:
        """Remove the file; whether it was held. A file that cannot be removed is found again by the next ``open``."""
        with self._lock:
            if self._known.get(segment.name) != segment:
                return False
            del self._known[segment.name]
            self._bytes -= segment.size
            segment_file.erase(self._path(segment))
            return True

    def _taken(self) -> None:
        raise StoreError(f"Another process keeps its KV segments in {self._folder}; this one keeps none.")

    def _warn(self, what: str, error: OSError) -> None:
        """Once a minute."""
        now = self._clock()
        if now - self._warned >= WARN_SECONDS:
            self._warned = now
            _log.warning(
                "KV segments in %s cannot be %s (%s). Going on without; trying again.",
                self._folder,
                what,
                error.strerror,
            )
