"""s07: A flooding tenant cannot push another below its share of any store.

Paired: the quiet tenant still hits on everything, the flooding one has lost its own oldest. Written against the stores
themselves, each tier and both together: which tenant has which share is the configuration's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from everwarm.core.eviction import Quota
from everwarm.core.key import ExactKey, Namespace, exact_key
from everwarm.store.memory import MemoryStore
from everwarm.store.protocol import Entry, Store
from everwarm.store.sqlite import SqliteStore
from everwarm.store.tiered import TieredStore

NOW = 1_800_000_000.0
BOUND = 300_000
QUIET, FLOOD, THIRD = Namespace("a" * 32), Namespace("b" * 32), Namespace("c" * 32)
SECRET = bytes(range(32))

MAKERS: Mapping[str, Callable[[Path], Store]] = {
    "memory": lambda folder: MemoryStore(BOUND),
    "disk": lambda folder: SqliteStore(folder / "cache.db", SECRET, BOUND),
    "memory over disk": lambda folder: TieredStore(
        MemoryStore(BOUND // 2), SqliteStore(folder / "cache.db", SECRET, BOUND)
    ),
}


@pytest.fixture(params=MAKERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = MAKERS[request.param](tmp_path)
    yield made
    made.check_integrity()
    made.close()


def key(namespace: Namespace, number: int) -> ExactKey:
    return exact_key(namespace, "openai_chat", "model", b"%d" % number)


def fill(store: Store, namespace: Namespace, numbers: range, now: float) -> None:
    """Answers of about 2.6 kB each, as a store counts them."""
    for number in numbers:
        store.put(key(namespace, number), Entry(bytes(2000), now + number, now + 1e6), now + number)
        if number % 50 == 0:
            store.flush()
    store.flush()


def hits(store: Store, namespace: Namespace, numbers: range, now: float) -> int:
    return sum(store.get(key(namespace, number), now) is not None for number in numbers)


def test_who_holds_no_more_than_an_equal_part_loses_nothing(store: Store) -> None:
    """No quota is set: two tenants, half the store each. The quiet one is the older, and has not been used since."""
    fill(store, QUIET, range(50), NOW)  # 130 kB
    fill(store, FLOOD, range(1000), NOW + 1000)  # nine times the store
    assert hits(store, QUIET, range(50), NOW + 3000) == 50
    assert hits(store, FLOOD, range(100), NOW + 3000) == 0, "a flood pushes out its own oldest"
    assert hits(store, FLOOD, range(960, 1000), NOW + 3000) == 40, "and has the rest of the store"


def test_a_floor_holds_where_an_equal_part_would_be_less(store: Store) -> None:
    """Three quarters are guaranteed to the quiet tenant. So that the flood counts as two, another joins it."""
    store.set_quotas({QUIET.id: Quota(BOUND * 3 // 4)})
    fill(store, QUIET, range(80), NOW)  # 209 kB, of 300
    fill(store, FLOOD, range(500), NOW + 1000)
    fill(store, THIRD, range(500), NOW + 2000)
    assert hits(store, QUIET, range(80), NOW + 3000) == 80
    assert hits(store, FLOOD, range(500), NOW + 3000) < 30
    assert hits(store, THIRD, range(500), NOW + 3000) < 30


def test_without_its_floor_it_would_lose_them(store: Store) -> None:
    """The power of the test above."""
    fill(store, QUIET, range(80), NOW)
    fill(store, FLOOD, range(500), NOW + 1000)
    fill(store, THIRD, range(500), NOW + 2000)
    assert 30 < hits(store, QUIET, range(80), NOW + 3000) < 60


def test_a_cap_binds_also_while_there_is_room(store: Store) -> None:
    store.set_quotas({FLOOD.id: Quota(0, 60_000)})
    fill(store, FLOOD, range(200), NOW)
    fill(store, QUIET, range(20), NOW)
    held = store.held(FLOOD).bytes
    assert 50_000 < held <= 60_000
    assert hits(store, QUIET, range(20), NOW + 1000) == 20


def test_a_flood_by_two_processes_is_one_flood(tmp_path: Path) -> None:
    """Two workers of one server, each with a memory of its own and one disk."""
    workers = [MAKERS["memory over disk"](tmp_path) for _ in range(2)]
    fill(workers[0], QUIET, range(50), NOW)
    for turn in range(10):
        for number, worker in enumerate(workers):
            fill(worker, FLOOD, range(100 * turn + 50 * number, 100 * turn + 50 * number + 50), NOW + 1000)
    for worker in workers:
        assert hits(worker, QUIET, range(50), NOW + 3000) == 50
        assert worker.held().bytes <= BOUND
        worker.check_integrity()
        worker.close()
