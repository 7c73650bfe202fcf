"""What becomes of a finished answer: judged for all who wait; stored if it is complete, clean and wanted (s13)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import Final, TypeVar

from everwarm.core.answer import Form, Stored, Verdict, pack
from everwarm.errors import Broken, EverwarmError
from everwarm.gateway.ask import LARGE, Ask
from everwarm.gateway.call import Call
from everwarm.gateway.door.exchange import Exchange
from everwarm.gateway.flights import Landed
from everwarm.gateway.house import House
from everwarm.store.protocol import Entry

T = TypeVar("T")

BROKEN: Final = "The answer broke off before its end."


def keeper(house: House, x: Exchange, ask: Ask) -> Landed:
    """For the call that ``ask`` starts now."""
    began = house.clock()

    async def landed(call: Call) -> EverwarmError | None:
        assert call.opening is not None
        form = call.opening.form
        call.seconds = x.elapsed
        verdict = Verdict(True, f"the upstream answered with status {call.opening.status}", None)
        if form is not None:
            verdict = await _aside(house, call, lambda: ask.question.dialect.judge(call.body, form))
        elif call.opening.status == 200:
            verdict = Verdict(True, "the upstream answered in a form that is not known", None)
        call.verdict = verdict
        if ask.control.write:
            await _settle(house, ask, call, began)
        return None if verdict.ended else Broken(BROKEN)

    return landed


def _flaw(house: House, ask: Ask, call: Call, began: float) -> str | None:
    """Why it is not stored, in words."""
    assert call.verdict is not None
    too_long = None if call.whole else "it was larger than an entry may be (cache.entry_mb)"
    return too_long or call.verdict.flaw or _overtaken(house, ask, began)


async def _settle(house: House, ask: Ask, call: Call, began: float) -> None:
    expires, flaw = None, _flaw(house, ask, call, began)
    if flaw is None:
        expires = _store(house, ask, call, await _body(house, ask, call), began)
    elif not ask.control.read:
        _forget(house, ask)
    house.recent.settle(ask.question.key, flaw, expires)


async def _body(house: House, ask: Ask, call: Call) -> tuple[Form, bytes]:
    """What is stored: the form that was asked for, if it can be had, since it is what will be asked for again. Of two
    streams the one with token counts: all other forms can be made of it."""
    have, want = call.form, ask.question.envelope.form
    if have == want or (have.stream and want.stream):
        return have, call.body
    made = await _aside(house, call, lambda: ask.question.dialect.convert(call.body, have, want))
    call.keep_converted(want, made)
    return (have, call.body) if made is None else (want, made)


async def _aside(house: House, call: Call, work: Callable[[], T]) -> T:
    """``work`` on an answer: here, or in a thread if it is so large that others would have to wait."""
    if call.size <= LARGE:
        return work()
    return await asyncio.get_running_loop().run_in_executor(house.threads, work)


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


def _store(house: House, ask: Ask, call: Call, kept: tuple[Form, bytes], began: float) -> float:
    """Store it; when it will expire."""
    assert call.verdict is not None
    assert house.store is not None
    now = house.clock()
    expires = now + house.config.cache.ttl_of(ask.question.envelope.model, ask.question.target.model)
    stored = Stored(*kept, call.verdict.usage, call.seconds)
    house.store.put(ask.question.key, Entry(pack(stored), now, expires, ask.tags), now, began=began)
    return expires
