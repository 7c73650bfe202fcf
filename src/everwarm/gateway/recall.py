"""What the store has for a request: the first layer that may answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from everwarm.core.answer import Stored, unpack
from everwarm.gateway.ask import Ask
from everwarm.gateway.house import House
from everwarm.store.protocol import Entry

RECALL_SECONDS: Final = 0.05
"""How long the disk may take to give an answer back. Past that the model is asked: a slow disk costs no more (r09)."""


class Recalled(NamedTuple):
    """A stored answer, in the form that is wanted now."""

    entry: Entry
    stored: Stored


def at_hand(house: House, ask: Ask, max_age: float | None) -> Recalled | None:
    """The stored answer, if it is in memory and may be used."""
    now = house.clock()
    assert house.store is not None  # else the control would not allow to read
    entry = house.store.peek(ask.question.key, now)
    found = _usable(ask, entry, max_age, now) if entry is not None else None
    return found if isinstance(found, Recalled) else None


async def recall(
    house: House, ask: Ask, max_age: float | None, prepare: Callable[[], Awaitable[None]] | None
) -> Recalled | str:
    """The stored answer, or in words why there is none that may be used. ``prepare``: what is better done before a
    flight is boarded, if there is none."""
    now = house.clock()
    store, key = house.store, ask.question.key
    assert store is not None  # else the control would not allow to read
    entry = store.peek(key, now)
    worth = entry is None and store.worth_asking(key)
    if worth or (entry is None and prepare):
        # While the disk was asked, a flight for the same key may have landed: then the answer is in memory now.
        # From here to boarding nothing is awaited, so no flight can slip through between the look and the call.
        entry = await _from_disk(house, ask, now) if worth else None
        if entry is None and prepare:
            await prepare()
        now = house.clock()
        entry = entry or store.peek(key, now)
    if entry is None:
        return house.recent.explain(key, ask.question.canonical, now, ask.question.context)
    found = _usable(ask, entry, max_age, now)
    if isinstance(found, str):
        house.recent.note(key, ask.question.canonical, now, ask.question.context)
    return found


def _usable(ask: Ask, entry: Entry, max_age: float | None, now: float) -> Recalled | str:
    """The entry in the wanted form, or why it will not do."""
    age = max(0.0, now - entry.created)
    if max_age is not None and age > max_age:
        return f"its stored answer is {age:.0f} s old, and max-age={max_age:.0f} was asked"
    stored = unpack(entry.payload)
    if stored is None:
        return "its stored answer is of another version of Everwarm"
    want = ask.question.envelope.form
    if stored.form == want:
        return Recalled(entry, stored)
    body = ask.question.dialect.convert(stored.body, stored.form, want)
    if body is None:
        return "its stored answer lacks what this form needs, as token counts"
    return Recalled(entry, stored._replace(form=want, body=body))


async def _from_disk(house: House, ask: Ask, now: float) -> Entry | None:
    store = house.store
    assert store is not None
    work = asyncio.get_running_loop().run_in_executor(house.disk_threads, store.recall, ask.question.key, now)
    try:
        async with asyncio.timeout(RECALL_SECONDS):
            return await work
    except TimeoutError:
        store.too_slow()
        return None
