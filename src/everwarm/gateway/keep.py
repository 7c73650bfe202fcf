"""What becomes of a finished answer: rendered for all who wait; stored if it is complete, clean and wanted (s13)."""

from __future__ import annotations

from math import inf

import orjson

from everwarm.core.answer import Stored, pack
from everwarm.core.dialects import openai_chat_answer
from everwarm.gateway.ask import Ask
from everwarm.gateway.exchange import Exchange
from everwarm.gateway.flights import Call, Landed
from everwarm.gateway.house import House
from everwarm.store.protocol import Entry


def keeper(house: House, x: Exchange, ask: Ask) -> Landed:
    """For the call that ``ask`` starts now."""
    began = house.clock()

    def landed(call: Call) -> None:
        call.body = openai_chat_answer.body(call.head, call.recorder)
        call.seconds = x.elapsed
        if not ask.control.write:
            return
        flaw = call.recorder.flaw() or _overtaken(house, ask, began)
        expires = _store(house, ask, call) if flaw is None else None
        if flaw and not ask.control.read:
            _forget(house, ask)
        house.recent.settle(ask.question.key, flaw, expires)

    return landed


def _overtaken(house: House, ask: Ask, began: float) -> str | None:
    """Why an answer that was asked for at ``began`` is old news by now, in words; None if it is not."""
    key = ask.question.key
    assert house.store is not None  # else the control would not allow to write
    if house.drops.get(key.namespace.id, -inf) >= began:
        return "entries were dropped while it was made"
    newer = house.store.peek(key, house.clock())
    return "a newer one was made meanwhile" if newer is not None and newer.created > began else None


def _forget(house: House, ask: Ask) -> None:
    """Who asked anew did not want the old answer: it goes, though there is no new one to take its place."""
    assert house.store is not None
    now = house.clock()
    house.store.put(ask.question.key, Entry(b"", now, now), now)


def _store(house: House, ask: Ask, call: Call) -> float:
    """Store it; when it will expire."""
    usage = call.recorder.usage
    assert usage is not None  # a call without it has a flaw
    assert house.store is not None
    now = house.clock()
    expires = now + house.config.cache.ttl_of(ask.question.envelope.model, ask.question.target.card.id)
    stored = Stored(call.body, orjson.dumps(call.recorder.cuts()), usage, call.seconds)
    house.store.put(ask.question.key, Entry(pack(stored), now, expires, ask.tags), now)
    return expires
