"""Prompts whose KV is there before anybody asks, and stays: warmed, pinned, listed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from everwarm.core.key import Namespace
from everwarm.core.prefix import pack
from everwarm.core.upstream import Prefix, Warmed
from everwarm.core.wire import Done, Sampling
from everwarm.engine.assemble import Inside
from everwarm.engine.errands import Errands
from everwarm.engine.line import Help, Job, Line, Task
from everwarm.engine.listing import in_words, rows_of
from everwarm.engine.pins import Pins, id_of


class Warming:
    """What ``core.upstream`` says of it, for prompts in tokens. Called from event loops; ``errands`` are the engine's.

    A prompt to warm stands in line as any other, so it shares and waits, is refused and cancelled in the same way.
    """

    def __init__(self, inside: Inside, line: Line, context: int) -> None:
        self.errands = Errands(line.nudge)
        self._inside = inside
        self._line = line
        self._pins = Pins(inside.cache, context)

    async def warm(self, prompt: tuple[int, ...], namespace: Namespace, *, pin: bool, rests: bool) -> Warmed:
        """Compute ``prompt``, of which all can be reused, and keep it. If it cannot be pinned, nothing is computed."""
        packed = pack(prompt)
        if pin:
            await self.errands.run(partial(self._pins.require_room, namespace, packed))
        then = partial(self._pins.pin, namespace, packed) if pin else None
        job = Job(Task(namespace, prompt, packed, Sampling(temperature=0), 0, (Help(),), rests, then))
        self._line.enter(job)
        try:
            while not isinstance(event := await job.next(), Done):
                pass  # how much was known: ``Done`` tells it again
        finally:
            self._line.leave(job)
        return Warmed(id_of(namespace, packed), len(prompt), event.usage.uncached, event.usage.cache_read, pin)

    async def prefixes(self, namespace: Namespace, limit: int) -> Sequence[Prefix]:
        """The most useful ones that are kept."""
        rows = await self.errands.run(partial(rows_of, self._inside.cache, self._pins, namespace, limit))
        tokenizer = self._inside.voice.tokenizer
        return await asyncio.to_thread(lambda: [in_words(row, namespace, tokenizer) for row in rows])

    async def unpin(self, namespace: Namespace, name: str) -> bool:
        """Whether it was pinned."""
        return await self.errands.run(partial(self._pins.unpin, namespace, name))
