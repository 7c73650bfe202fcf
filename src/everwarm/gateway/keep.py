"""What becomes of a finished answer: rendered for all who wait; stored if it is complete, clean and wanted (s13)."""

from __future__ import annotations

import orjson

from everwarm.core import policy
from everwarm.core.answer import Stored, pack
from everwarm.core.dialects import openai_chat_answer
from everwarm.gateway.ask import Ask
from everwarm.gateway.exchange import Exchange
from everwarm.gateway.flights import Call, Landed
from everwarm.gateway.house import House
from everwarm.store.protocol import Entry


def keeper(house: House, x: Exchange, ask: Ask) -> Landed:
    """For the call that ``ask`` starts."""

    def landed(call: Call) -> None:
        call.body = openai_chat_answer.body(call.head, call.recorder)
        call.seconds = x.elapsed
        flaw = policy.landed(ask.control, call.recorder.flaw())
        expires = None if flaw else _store(house, ask, call)
        if ask.control.write:
            house.recent.settle(ask.question.key, flaw, expires)

    return landed


def _store(house: House, ask: Ask, call: Call) -> float:
    usage = call.recorder.usage
    assert usage is not None  # a call without it has a flaw
    assert house.store is not None  # else the control would not allow to write
    now = house.clock()
    expires = now + house.config.cache.ttl_of(ask.question.envelope.model, ask.question.target.card.id)
    stored = Stored(call.body, orjson.dumps(call.recorder.cuts()), usage, call.seconds)
    house.store.put(ask.question.key, Entry(pack(stored), now, expires, ask.tags), now)
    return expires
