"""A call and its readers: everybody gets all of it; nobody's slowness fills the memory."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from everwarm.core.answer import JSON, Form
from everwarm.core.flight import Flight
from everwarm.errors import Broken
from everwarm.gateway.call import AHEAD, Call
from everwarm.gateway.upstreams.source import Opening

OPENING = Opening(200, [], JSON, "upstream:x")
PIECE = b"x" * 16384


def run(test: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await test

    asyncio.run(bounded())


def call(limit: int = 2**20) -> Call:
    made = Call(Flight(None), limit, lambda: None)
    made.open(OPENING)
    return made


async def read(made: Call, pause: float | None = 0) -> bytes:
    out = b""
    async for piece in made.pieces():
        out += piece
        if pause is not None:
            await asyncio.sleep(pause)
    return out


def test_readers_that_come_late_get_all_from_the_start() -> None:
    async def test() -> None:
        made = call()
        early = asyncio.create_task(read(made))
        made.push(b"a")
        await asyncio.sleep(0)
        late = asyncio.create_task(read(made))
        made.push(b"b")
        made.end()
        assert await early == await late == await read(made) == made.body == b"ab"

    run(test())


def test_the_error_comes_after_what_came_before_it() -> None:
    async def test() -> None:
        made = call()
        made.push(b"a")
        made.end(Broken("gone"))
        reader = made.pieces()
        assert await anext(reader) == b"a"
        with pytest.raises(Broken):
            await anext(reader)
        with pytest.raises(Broken):
            await made.over()
        with pytest.raises(Broken):
            await made.gathered(10)

    run(test())


def test_what_breaks_before_it_opens_is_raised_to_who_waits() -> None:
    async def test() -> None:
        made = Call(Flight(None), 10, lambda: None)
        waiting = asyncio.create_task(made.opened())
        await asyncio.sleep(0)
        made.end(Broken("gone"))
        with pytest.raises(Broken):
            await waiting

    run(test())


def test_the_source_waits_for_its_fastest_reader() -> None:
    async def test() -> None:
        made = call(limit=2**30)
        reader = made.pieces()
        made.push(PIECE)
        await anext(reader)
        ahead = 0
        while True:
            made.push(PIECE)
            try:
                async with asyncio.timeout(0.05):
                    await made.room()
            except TimeoutError:
                break
            ahead += len(PIECE)
        assert AHEAD - 2 * len(PIECE) <= ahead <= AHEAD + len(PIECE)
        waiting = asyncio.create_task(made.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        await anext(reader)
        await anext(reader)
        await waiting
        await reader.aclose()

    run(test())


def test_a_reader_that_leaves_holds_up_nobody() -> None:
    async def test() -> None:
        made = call(limit=1)
        slow, fast = made.pieces(), made.pieces()
        made.push(PIECE)
        await anext(slow)
        await anext(fast)
        made.push(PIECE)
        await anext(fast)
        await slow.aclose()
        await made.room()
        await fast.aclose()
        await made.room()  # nobody reads: nobody is waited for

    run(test())


def test_of_a_long_answer_only_what_is_unread_is_kept() -> None:
    async def test() -> None:
        made = call(limit=4 * len(PIECE))
        reading = asyncio.create_task(read(made, None))
        held = 0
        for _ in range(200):
            made.push(PIECE)
            await made.room()
            await asyncio.sleep(0)
            held = max(held, len(made.body))
        made.end()
        assert await reading == PIECE * 200
        assert not made.whole
        assert held <= 8 * len(PIECE)
        assert not await made.over()
        assert not await made.gathered(10**9)

    run(test())


def test_a_slow_reader_beside_a_fast_one_is_waited_for_once_it_costs_memory() -> None:
    async def test() -> None:
        made = call(limit=2 * AHEAD)
        slow, fast = made.pieces(), asyncio.create_task(read(made, None))
        made.push(PIECE)
        await anext(slow)
        blocked = False
        for _ in range(100):
            made.push(PIECE)
            await asyncio.sleep(0)
            try:
                async with asyncio.timeout(0.05):
                    await made.room()
            except TimeoutError:
                blocked = True
                break
        assert blocked
        assert 2 * AHEAD < len(made.body) <= 2 * AHEAD + 2 * len(PIECE)
        async for _ in slow:
            if made.size - len(made.body) > 0:
                break
        await made.room()
        await slow.aclose()
        made.end()
        await fast

    run(test())


def test_a_form_is_made_once() -> None:
    made = call()
    form = Form(True, True)
    assert made.converted(form) is None
    made.keep_converted(form, None)
    assert made.converted(form) is None
    made.keep_converted(form, b"x")
    assert made.converted(form) == b"x"
    assert made.form == JSON
