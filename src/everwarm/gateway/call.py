"""One upstream call under way: what came so far, and any number of readers, each at its own pace.

source ──▶ open, push ... end        readers: events() from the start, until the end or the error
                │
           room(): waits while even the fastest reader is far behind, or while what the slowest has
           not read yet takes too much memory
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Final

from everwarm.core.answer import JSON, Form, Verdict
from everwarm.core.flight import Flight
from everwarm.core.key import ExactKey
from everwarm.errors import EverwarmError
from everwarm.gateway.upstreams.source import Opening

AHEAD: Final = 256 * 2**10
"""Bytes that the upstream may be ahead of its fastest reader."""

END: Final = 64 * 2**10
"""Bytes of a long answer's end that are kept though everybody has read them: there it says whether it is whole."""


class Reader:
    """How far one reader has come."""

    __slots__ = ("bytes", "pieces")

    def __init__(self) -> None:
        self.pieces = 0
        self.bytes = 0


class Call:
    """``limit`` bytes are kept, so that others may join and the answer may be stored; of a longer answer only the end,
    and what somebody aboard has not read yet."""

    def __init__(self, flight: Flight[tuple[ExactKey, bool]], limit: int, overflowed: Callable[[], None]) -> None:
        """``overflowed``: called when the beginning is about to be let go, so that nobody can join any more."""
        self.flight = flight
        self.opening: Opening | None = None
        self.verdict: Verdict | None = None  # set before readers see the end
        self.seconds = 0.0  # from the first asker's request to the end; likewise
        self.size = 0  # bytes so far
        self.whole = True  # all of it is still here
        self._limit = limit
        self._overflowed = overflowed
        self._pieces: deque[bytes] = deque()
        self._dropped = 0  # pieces that are no longer here,
        self._dropped_bytes = 0  # and their bytes
        self._error: EverwarmError | None = None
        self._over = False
        self._readers: set[Reader] = set()
        self._waiting: set[asyncio.Future[None]] = set()
        self._source: asyncio.Future[None] | None = None
        self._converted: dict[Form, bytes] = {}

    @property
    def form(self) -> Form:
        """In which form it comes. Only after the opening, and only of an answer."""
        assert self.opening is not None
        return self.opening.form or JSON

    def open(self, opening: Opening) -> None:
        """The answer begins."""
        self.opening = opening
        self._wake()

    def push(self, piece: bytes) -> None:
        """The next piece, to all readers."""
        self._pieces.append(piece)
        self.size += len(piece)
        if self.size > self._limit and self.whole:
            self.whole = False
            self._overflowed()
        self._wake()

    def end(self, error: EverwarmError | None = None) -> None:
        """There is no more; with ``error``, because it broke."""
        self._over, self._error = True, error
        self._wake()

    @property
    def body(self) -> bytes:
        """All of it; the end of it, where it is not ``whole``."""
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def converted(self, form: Form) -> bytes | None:
        """What was made of a whole answer for somebody who wanted this form."""
        return self._converted.get(form)

    def keep_converted(self, form: Form, made: bytes | None) -> None:
        """For all who want the same form."""
        if made is not None:
            self._converted[form] = made

    async def opened(self) -> Opening:
        """When the answer has begun. Raises what the call broke with before."""
        while self.opening is None and not self._over:
            await self._more()
        if self.opening is None and self._error is not None:
            raise self._error
        return self.opening  # type: ignore[return-value]  # over without an error: it was opened

    async def over(self) -> bool:
        """When there is no more to come, whether all of it is here; False as soon as it is too long to be kept.

        Raises what the call broke with.
        """
        while self.whole and not self._over:
            await self._more()
        if self.whole and self._error is not None:
            raise self._error
        return self.whole

    async def gathered(self, limit: int) -> bool:
        """When it is over, or larger than ``limit`` bytes; whether all of it is here and over. Raises as ``over``."""
        while not self._over and self.size <= limit:
            await self._more()
        if self._over and self._error is not None:
            raise self._error
        return self._over and self.whole

    async def pieces(self) -> AsyncIterator[bytes]:
        """All pieces from the first one. Raises what the call broke with."""
        reader = Reader()
        self._readers.add(reader)
        try:
            while True:
                while (at := reader.pieces - self._dropped) < len(self._pieces):
                    piece = self._pieces[at]
                    yield piece
                    reader.pieces += 1
                    reader.bytes += len(piece)
                    self._progress()
                if self._over:
                    break
                await self._more()
        finally:
            self._readers.discard(reader)
            self._progress()
        if self._error is not None:
            raise self._error

    async def room(self) -> None:
        """Wait until more may be pushed: back-pressure to the upstream."""
        while self.crowded:
            self._source = asyncio.get_running_loop().create_future()
            try:
                await self._source
            finally:
                self._source = None

    @property
    def crowded(self) -> bool:
        """Whether the upstream is to wait."""
        if self.size <= AHEAD or not self._readers:
            return False
        read = [r.bytes for r in self._readers]
        return self.size - max(read) > AHEAD or (not self.whole and self.size - min(read) > self._limit)

    def _progress(self) -> None:
        """A reader has come further, or left."""
        if not self.whole and self._readers:
            behind = min(r.pieces for r in self._readers)
            spare = self.size - self._dropped_bytes - END
            while self._dropped < behind and len(self._pieces[0]) <= spare:
                spare -= len(self._pieces[0])
                self._dropped_bytes += len(self._pieces.popleft())
                self._dropped += 1
        if self._source is not None and not self._source.done() and not self.crowded:
            self._source.set_result(None)

    async def _more(self) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
