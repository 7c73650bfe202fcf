"""r08: Clock jumps, backwards or by a day: nothing stale beyond its TTL, no negative age.

Written against the stores, which date everything; the gateway passes on what its clock shows. Here that clock jumps,
while true time goes on. A store is asked right after each jump: how long it took until the first call is what it cannot
know.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from everwarm.core.key import PUBLIC, ExactKey, exact_key
from everwarm.store.memory import MemoryStore
from everwarm.store.protocol import Entry, Store
from everwarm.store.sqlite import SqliteStore
from everwarm.store.tiered import TieredStore

SECRET = bytes(range(32))
HOUR, DAY = 3600.0, 86_400.0
NAMES = "abcdef"
NEAR = 0.01  # seconds: sums of floating point numbers

MAKERS: Mapping[str, Callable[[Path], Store]] = {
    "memory": lambda folder: MemoryStore(10**6),
    "disk": lambda folder: SqliteStore(folder / "cache.db", SECRET, 10**6),
    "memory over disk": lambda folder: TieredStore(MemoryStore(4000), SqliteStore(folder / "cache.db", SECRET, 10**6)),
}

steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([1.0, 59.0, 600.0, HOUR, 20 * HOUR])),
        st.tuples(st.just("jump"), st.sampled_from([-400 * DAY, -DAY, -HOUR, -10.0, 10.0, HOUR, DAY])),
        st.tuples(st.sampled_from(NAMES), st.sampled_from([30.0, HOUR, DAY, 3 * DAY])),
        st.tuples(st.just("restart"), st.just(0.0)),
    ),
    max_size=25,
)


def key(name: str) -> ExactKey:
    return exact_key(PUBLIC, "openai_chat", "model", name.encode())


class World:
    """A store, true time, and a clock that is off by ``error``."""

    def __init__(self, make: Callable[[], Store]) -> None:
        self.make = make
        self.store = make()
        self.true = 1_800_000_000.0
        self.error = 0.0
        self.put: dict[str, tuple[float, float]] = {}  # name -> true time, ttl
        self.found = 0

    @property
    def clock(self) -> float:
        return self.true + self.error

    def step(self, what: str, number: float) -> None:
        if what == "wait":
            self.true += number
        elif what == "jump":
            self.error += number
        elif what == "restart":
            self.store.close()
            self.store = self.make()
        else:
            self.store.put(key(what), Entry(what.encode(), self.clock, self.clock + number), self.clock)
            self.put[what] = self.true, number
        self.look()

    def look(self) -> None:
        for name in NAMES:
            found = self.store.get(key(name), self.clock)
            if found is not None:
                self.found += 1
                put, ttl = self.put[name]
                assert self.true - put < ttl + NEAR, f"{name} lives too long"
                assert self.clock - found.created >= self.true - put - NEAR, f"{name} is shown too young"
                assert found.created <= self.clock + NEAR


def run(tier: str, todo: list[tuple[str, float]]) -> int:
    with tempfile.TemporaryDirectory(prefix="everwarm-") as folder:
        world = World(lambda: MAKERS[tier](Path(folder)))
        try:
            for what, number in todo:
                world.step(what, number)
            world.store.check_integrity()
        finally:
            world.store.close()
        return world.found


@pytest.mark.parametrize("tier", MAKERS)
def test_nothing_outlives_its_time_whatever_the_clock_shows(tier: str) -> None:
    @settings(max_examples=40, deadline=None)
    @example([("a", DAY), ("wait", 20 * HOUR), ("jump", -HOUR), *[("wait", HOUR)] * 4])  # older than the clock says
    @given(steps)
    def check(todo: list[tuple[str, float]]) -> None:
        run(tier, todo)

    check()


@pytest.mark.parametrize("tier", MAKERS)
@pytest.mark.parametrize("jump", [-400 * DAY, -DAY, -10.0])
def test_a_clock_that_is_set_back_costs_nothing(tier: str, jump: float) -> None:
    """The power of the test above: what is still good is still found, also what is stored after the jump."""
    assert run(tier, [("a", DAY), ("wait", HOUR), ("jump", jump), ("b", DAY), ("wait", HOUR)]) == 1 + 1 + 1 + 2 + 2


@pytest.mark.parametrize("tier", ["disk", "memory over disk"])
def test_a_clock_that_is_set_back_between_two_runs(tier: str) -> None:
    todo = [("a", DAY), ("wait", HOUR), ("restart", 0.0), ("jump", -DAY), ("wait", HOUR), ("restart", 0.0)]
    assert run(tier, todo) == 6
    assert run(tier, [*todo, ("wait", 20 * HOUR), ("wait", HOUR), ("wait", HOUR)]) == 6 + 2
