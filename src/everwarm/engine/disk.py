"""The disk under the KV pool: what was computed outlives the pool, and the process.

Runs of up to ``RUN`` blocks of one prefix are written as segments (``core.segments``), by a thread of its own, soon
after they were computed. While there is room everything is written; when the disk's share is full, only what has been
reused, and then the coldest segment that nothing continues makes room, of the namespace that holds most.

A segment begins where the tree was not stored yet, which may be inside of the one that it continues. So nothing is
stored twice, and all ancestors of a stored node are stored.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

from everwarm.core.prefix import Node, unpack
from everwarm.core.radix import Radix
from everwarm.core.segments import Segment, SegmentStore
from everwarm.engine.kept import Kept
from everwarm.engine.pool import BlockPool

RUN = 8
"""Blocks of a segment, at most: what has to be read to have one of them."""

LEAST = 64
"""Tokens: a shorter prefix is not written, for it is computed soon."""

QUEUE = 4096
"""Prefixes that wait to be written; of more, the oldest are not."""

GUESS = 1e-9
"""Seconds that a byte takes to be read and verified, before it has been measured."""

FLUSH_SECONDS = 5.0
"""How long closing goes on writing."""


class _Write(NamedTuple):
    run: list[Node]  # in use until it is done
    result: Future[Segment | None]


class Disk:
    """A ``Tier`` in a ``SegmentStore``. All calls come from the engine's thread."""

    def __init__(self, store: SegmentStore, tree: Radix, pool: BlockPool, nudge: Callable[[], None]) -> None:
        """``nudge`` is called, by another thread, when there is something to ``work`` on."""
        self.kept = Kept(store, tree, pool.size)
        self._store = store
        self._tree = tree
        self._pool = pool
        self._nudge = nudge
        self.restored = 0  # tokens
        self._seconds_a_byte = GUESS
        self._queue: deque[Node] = deque(maxlen=QUEUE)
        self._writing: _Write | None = None
        self._writer = ThreadPoolExecutor(1, "everwarm-spill")

    @property
    def held(self) -> int:
        """Bytes on disk."""
        return self._store.held

    def offer(self, node: Node) -> None:
        if node.end >= LEAST and node.stored is None:
            self._queue.append(node)

    def work(self) -> None:
        """Take in what has been written, and have the next run written. Never waits."""
        if self._writing is not None and self._writing.result.done():
            self._finish(self._writing)
        while self._writing is None and self._queue:
            run = self._unstored(self._queue[0])
            if not run or not self._begin(run):
                self._queue.popleft()

    def seconds(self, nodes: Sequence[Node]) -> float:
        return sum(segment.size for segment in _segments(nodes)) * self._seconds_a_byte

    def restore(self, nodes: Sequence[Node], blocks: Sequence[int]) -> int:
        started, targets = time.monotonic(), dict(zip(map(id, nodes), blocks, strict=True))
        segments = _segments(nodes)
        whole = self._store.read_many([(segment, self._buffers(segment, targets)) for segment in segments])
        sound = len(nodes)
        for segment, fine in zip(segments, whole, strict=True):
            if fine:
                self._store.touch(segment)
            elif segment in self.kept:
                sound = min(sound, next(at for at, node in enumerate(nodes) if node.stored is segment))
                self.kept.remove(segment)
        taken = (time.monotonic() - started) / max(1, sum(segment.size for segment in segments))
        self._seconds_a_byte += (taken - self._seconds_a_byte) / 4
        self.restored += sum(node.length for node in nodes[:sound])
        return sound

    def close(self) -> None:
        """Write what still waits, for some seconds."""
        until = time.monotonic() + FLUSH_SECONDS
        self.work()
        while self._writing is not None and time.monotonic() < until:
            wait([self._writing.result], until - time.monotonic())
            self.work()
        self._writer.shutdown(cancel_futures=True)
        self._store.close()

    def _unstored(self, node: Node) -> list[Node]:
        """The first nodes of a prefix that are in the pool and not on disk, at most a segment of them."""
        path = node.path() if node.block is not None else []
        first = next((at for at, step in enumerate(path) if step.stored is None), len(path))
        return path[first : (first // RUN + 1) * RUN]

    def _begin(self, run: list[Node]) -> bool:
        """Have ``run`` written, if it may be."""
        before = run[0].parent
        parent = before.stored.name if before is not None and before.stored is not None else b""
        if not self.kept.room(len(run) * self._pool.bytes, run[-1], parent):
            return False
        tokens = unpack(b"".join(node.tokens for node in run))
        pieces = self._pool.pieces([node.block for node in run if node.block is not None])
        self._tree.use(run[-1])
        namespace = run[0].root.namespace.id
        result = self._writer.submit(self._store.write, namespace, parent, run[0].start, tokens, pieces)
        result.add_done_callback(lambda _: self._nudge())
        self._writing = _Write(run, result)
        return True

    def _finish(self, write: _Write) -> None:
        segment = write.result.result()
        if segment is not None:
            self.kept.add(segment)
        elif self._queue:
            self._queue.popleft()  # it cannot be written now
        self._tree.release(write.run[-1])
        self._writing = None

    def _buffers(self, segment: Segment, blocks: dict[int, int]) -> list[memoryview]:
        """Where each of a segment's blocks is read to: into the pool, or nowhere if nobody wants it."""
        buffers: list[memoryview] = []
        for node in self.kept.nodes(segment):
            block = blocks.get(id(node))
            buffers += [memoryview(bytearray(self._pool.bytes))] if block is None else self._pool.pieces([block])
        return buffers


def _segments(nodes: Iterable[Node]) -> list[Segment]:
    """The segments that hold ``nodes``, in order."""
    return list(dict.fromkeys(node.stored for node in nodes if node.stored is not None))
