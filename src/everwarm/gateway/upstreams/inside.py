"""The model inside as a source of bytes: its events, written in the client's own protocol."""

from __future__ import annotations

from contextlib import aclosing
from time import time
from typing import Final
from uuid import uuid4

from everwarm.core.answer import Form
from everwarm.core.dialects.dialect import Head
from everwarm.core.upstream import ModelCard, Upstream
from everwarm.core.wire import Prefilled
from everwarm.gateway.upstreams.source import Opening, Sending, Sink

FORM: Final = Form(stream=True, counted=True)
"""Always the fullest form: any other can be made of it, for whoever joins."""

EVENTS: Final = (b"content-type", b"text/event-stream; charset=utf-8")


class Inside:
    """One model of an ``Upstream``."""

    def __init__(self, upstream: Upstream, card: ModelCard) -> None:
        self.name = upstream.name
        self._upstream = upstream
        self._card = card

    def check(self, sending: Sending) -> None:
        """As ``core.upstream``: what the model cannot do is refused by name."""
        self._upstream.check(sending.request())

    async def fetch(self, sending: Sending, sink: Sink) -> None:
        """See ``source.Source``."""
        request = sending.request()
        head = Head(uuid4().hex, int(time()), self._card.id, self._card.fingerprint)
        writer = sending.dialect.writer(head, request)
        opened = False
        events = self._upstream.ask(request, sending.namespace)
        async with aclosing(events):  # type: ignore[type-var]  # an async generator, by the contract of Upstream
            async for event in events:
                if not opened:
                    opened = True
                    prefilled = event if isinstance(event, Prefilled) else None
                    sink.open(Opening(200, [EVENTS], FORM, self.name, prefilled))
                if piece := writer.write(event):
                    sink.push(piece)
                    if sink.crowded:
                        await sink.room()
