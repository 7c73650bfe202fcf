"""One clock for many deadlines."""

from __future__ import annotations

import asyncio

from everwarm.gateway.door.deadlines import Deadlines


class Somebody:
    def __init__(self) -> None:
        self.heard = asyncio.Event()
        self.times = 0

    def late(self) -> None:
        self.times += 1
        self.heard.set()


def test_who_is_late_hears_of_it_once() -> None:
    async def scene() -> None:
        deadlines, late, cleared, patient = Deadlines(tick=0.01), Somebody(), Somebody(), Somebody()
        deadlines.set(late, 0.02)
        deadlines.set(cleared, 0.02)
        deadlines.set(patient, 60)
        deadlines.clear(cleared)
        deadlines.clear(cleared)
        await asyncio.wait_for(late.heard.wait(), 10)
        await asyncio.sleep(0.05)
        assert (late.times, cleared.times, patient.times) == (1, 0, 0)

    asyncio.run(scene())


def test_the_last_deadline_that_was_set_counts() -> None:
    async def scene() -> None:
        deadlines, who, clock = Deadlines(tick=0.01), Somebody(), Somebody()
        deadlines.set(who, 0.01)
        deadlines.set(who, 60)
        deadlines.set(clock, 0.05)
        await asyncio.wait_for(clock.heard.wait(), 10)
        assert who.times == 0

    asyncio.run(scene())


def test_who_is_late_may_be_given_more_time() -> None:
    async def scene() -> None:
        deadlines, twice = Deadlines(tick=0.01), Somebody()
        again = asyncio.Event()

        def late() -> None:
            twice.times += 1
            if twice.times == 1:
                deadlines.set(twice, 0.01)
            else:
                again.set()

        twice.late = late  # type: ignore[method-assign]
        deadlines.set(twice, 0.01)
        await asyncio.wait_for(again.wait(), 10)

    asyncio.run(scene())


def test_the_clock_stands_still_while_nobody_has_a_deadline() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        deadlines, who = Deadlines(tick=0.01), Somebody()
        deadlines.set(who, 60)
        deadlines.clear(who)
        await asyncio.sleep(0.05)
        assert not loop._scheduled  # type: ignore[attr-defined]
        deadlines.set(who, 0.01)
        await asyncio.wait_for(who.heard.wait(), 10)

    asyncio.run(scene())


def test_one_who_fails_does_not_stop_the_clock_for_the_others() -> None:
    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: failed.append(context["exception"]))
        deadlines, bad, late = Deadlines(tick=0.01), Somebody(), Somebody()
        failed: list[object] = []

        def fail() -> None:
            raise RuntimeError

        bad.late = fail  # type: ignore[method-assign]
        deadlines.set(bad, 0.01)
        deadlines.set(late, 0.01)
        await asyncio.wait_for(late.heard.wait(), 10)
        assert [type(e) for e in failed] == [RuntimeError]

    asyncio.run(scene())


def test_who_is_late_may_change_the_others_deadlines() -> None:
    """Of those that are late at the same time."""

    async def scene() -> None:
        deadlines, first, cleared, given_time = Deadlines(tick=0.01), Somebody(), Somebody(), Somebody()

        def late() -> None:
            deadlines.clear(cleared)
            deadlines.set(given_time, 60)
            first.heard.set()

        first.late = late  # type: ignore[method-assign]
        for who in (first, cleared, given_time):
            deadlines.set(who, 0.01)
        await asyncio.wait_for(first.heard.wait(), 10)
        await asyncio.sleep(0.03)
        assert (cleared.times, given_time.times) == (0, 0)

    asyncio.run(scene())
