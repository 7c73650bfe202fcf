"""The vectors of a batch in the store: those that are there, and those that an answer has brought."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from math import inf
from typing import Final, NamedTuple

from everwarm.core.answer import Verdict
from everwarm.core.embeddings import weight
from everwarm.core.key import ExactKey
from everwarm.core.usage import Usage
from everwarm.core.vectors import Apart, Vector, apart, pack, unpack
from everwarm.core.wire import Json
from everwarm.errors import EverwarmError
from everwarm.gateway.ask import aside
from everwarm.gateway.call import Call
from everwarm.gateway.door.exchange import Exchange
from everwarm.gateway.embeddings.batch import Batch
from everwarm.gateway.flights import Landed
from everwarm.gateway.house import House
from everwarm.gateway.recall import RECALL_SECONDS
from everwarm.store.protocol import Entry

AT_ONCE: Final = 64
"""Vectors that are asked of the disk in one go: each go has as long as one answer."""


class Shelved(NamedTuple):
    """A stored vector."""

    vector: Vector
    entry: Entry


async def find(house: House, batch: Batch, max_age: float | None) -> dict[ExactKey, Shelved]:
    """What is stored of the batch and may be used: not too old, and all of one model.

    Nothing is awaited after the last look, so that a flight can be boarded before another one lands.
    """
    store = house.store
    assert store is not None  # else the control would not allow to read
    wanted = dict.fromkeys(batch.keys)
    now = house.clock()
    entries = _peek(house, wanted, now)
    if store.deep and len(entries) < len(wanted):
        deep = await _from_disk(house, [k for k in wanted if k not in entries], now)
        now = house.clock()
        entries = deep | _peek(house, wanted, now)
    oldest = -inf if max_age is None else now - max_age
    return _of_one_model({k: e for k, e in entries.items() if e.created >= oldest})


def _peek(house: House, keys: Iterable[ExactKey], now: float) -> dict[ExactKey, Entry]:
    assert house.store is not None
    return {key: entry for key in keys if (entry := house.store.peek(key, now)) is not None}


async def _from_disk(house: House, keys: Sequence[ExactKey], now: float) -> dict[ExactKey, Entry]:
    """What the disk has, as far as it answers in time."""
    store = house.store
    assert store is not None

    def recall(some: Sequence[ExactKey]) -> dict[ExactKey, Entry]:
        return {key: entry for key in some if (entry := store.recall(key, now)) is not None}

    found: dict[ExactKey, Entry] = {}
    for at in range(0, len(keys), AT_ONCE):
        work = asyncio.get_running_loop().run_in_executor(house.disk_threads, recall, keys[at : at + AT_ONCE])
        try:
            async with asyncio.timeout(RECALL_SECONDS):
                found |= await work
        except TimeoutError:
            store.too_slow()
            break
    return found


def _of_one_model(entries: dict[ExactKey, Entry]) -> dict[ExactKey, Shelved]:
    """Vectors of two models have nothing in common: those stay whose model is that of the newest one."""
    found = {k: Shelved(v, e) for k, e in entries.items() if (v := unpack(e.payload)) is not None}
    if not found:
        return {}
    model = max(found.values(), key=lambda s: s.entry.created).vector.model
    return {key: shelved for key, shelved in found.items() if shelved.vector.model == model}


def keeper(house: House, x: Exchange, batch: Batch, asked: Sequence[Json]) -> Landed:
    """For the call that asks for these inputs of the batch, from now on. ``core.vectors`` says what can be kept."""
    began = house.clock()

    async def landed(call: Call) -> EverwarmError | None:
        call.seconds = x.elapsed
        found = Apart((), _unreadable(call), None)
        if found.flaw is None:
            found = await aside(house, call.body, apart, call.body, [weight(i) for i in asked], call.seconds)
        usage = Usage(found.tokens, 0, 0) if found.tokens is not None else None
        call.verdict = Verdict(True, found.flaw, usage)
        if found.flaw is None:
            await _keep(house, batch, asked, found.vectors, began)
        else:
            house.recent.settle(batch.ask.question.key, found.flaw, None)
            if not batch.ask.control.read:
                _forget(house, batch, asked)
        return None

    return landed


def _unreadable(call: Call) -> str | None:
    """Why an answer is not even looked at, in words."""
    assert call.opening is not None
    if call.opening.form is None:
        return f"the upstream answered with status {call.opening.status}"
    return None if call.whole else "it was too large to be taken apart"


async def _keep(house: House, batch: Batch, asked: Sequence[Json], vectors: Sequence[Vector], began: float) -> None:
    """Store them, in steps between which others get their turn."""
    store, question, now = house.store, batch.ask.question, house.clock()
    assert store is not None  # else there would be no batch
    expires = now + house.config.cache.ttl_of(question.envelope.model, question.target.model)
    for at in range(0, len(asked), AT_ONCE):
        if house.drops.get(batch.ask.caller.space.id, -inf) >= began:
            house.recent.settle(question.key, "entries were dropped while it was made", None)
            return
        for given, vector in zip(asked[at : at + AT_ONCE], vectors[at : at + AT_ONCE], strict=True):
            key = batch.key((given,))
            newer = store.peek(key, now)
            if newer is None or newer.created <= began:
                store.put(key, Entry(pack(vector), now, expires, batch.ask.tags), now, began=began)
        if at + AT_ONCE < len(asked):
            await asyncio.sleep(0)
    house.recent.settle(question.key, None, expires)


def _forget(house: House, batch: Batch, asked: Sequence[Json]) -> None:
    """Who asked anew did not want the old vectors: they go, though there are no new ones to take their place."""
    assert house.store is not None
    now = house.clock()
    for given in asked:
        house.store.put(batch.key((given,)), Entry(b"", now, now), now)
