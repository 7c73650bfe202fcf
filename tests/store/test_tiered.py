"""What TieredStore does beyond the contract: the two tiers never disagree about what is gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from everwarm.core.key import PUBLIC, ExactKey, exact_key
from everwarm.store.memory import MemoryStore
from everwarm.store.presence import Presence
from everwarm.store.protocol import Entry
from everwarm.store.sqlite import SqliteStore
from everwarm.store.tiered import TieredStore

NOW = 1_800_000_000.0
Opener = Callable[..., SqliteStore]


def key(name: str = "x") -> ExactKey:
    return exact_key(PUBLIC, "openai_chat", "model", name.encode())


def entry(payload: bytes = b"answer") -> Entry:
    return Entry(payload, NOW, NOW + 100_000)


def test_peek_sees_memory_and_recall_brings_the_disk_into_it(opened: Opener) -> None:
    first = TieredStore(MemoryStore(10**6), opened())
    first.put(key(), entry(), NOW)
    assert first.peek(key(), NOW) == entry()
    first.close()
    second = TieredStore(MemoryStore(10**6), opened())
    assert second.deep
    assert second.peek(key(), NOW) is None
    assert second.recall(key(), NOW) == entry()
    assert second.peek(key(), NOW) == entry()
    assert second.recall(key("other"), NOW) is None


def test_without_a_disk_it_is_the_memory() -> None:
    store = TieredStore(MemoryStore(10**6), None)
    assert not store.deep
    store.put(key(), entry(), NOW)
    assert store.peek(key(), NOW) == store.recall(key(), NOW) == entry()
    assert store.held() == store.memory.held()


class Meddled(SqliteStore):
    """Something happens between the reading of the disk and the promotion of what was read."""

    between: Callable[[], object] | None = None

    def get(self, key: ExactKey, now: float) -> Entry | None:
        found = super().get(key, now)
        if self.between is not None:
            meddle, self.between = self.between, None
            meddle()
        return found


def test_what_is_dropped_while_it_is_recalled_does_not_come_back(path: Path) -> None:
    disk = Meddled(path, bytes(32), 10**6)
    store = TieredStore(MemoryStore(10**6), disk)
    disk.put(key(), entry(), NOW)
    disk.between = lambda: store.drop(PUBLIC)
    store.recall(key(), NOW)
    assert store.peek(key(), NOW) is None
    assert store.recall(key(), NOW) is None
    store.close()


def test_what_is_replaced_while_it_is_recalled_does_not_come_back(path: Path) -> None:
    disk = Meddled(path, bytes(32), 10**6)
    store = TieredStore(MemoryStore(10**6), disk)
    disk.put(key(), entry(b"old"), NOW)
    disk.between = lambda: store.put(key(), entry(b"new"), NOW)
    store.recall(key(), NOW)
    assert store.peek(key(), NOW) == entry(b"new")
    store.close()


def test_what_memory_answers_does_not_look_unused_on_disk(opened: Opener) -> None:
    """The disk has room for three; "often" is the oldest there, but memory has answered it all the time."""
    store = TieredStore(MemoryStore(10**6), opened(max_bytes=3 * 3500))
    store.put(key("often"), entry(bytes(2500)), NOW)
    store.put(key("never"), entry(bytes(2500)), NOW + 1)
    for minute in range(1, 10):
        assert store.peek(key("often"), NOW + 60 * minute) is not None
    for name in ("c", "d"):
        store.put(key(name), entry(bytes(2500)), NOW + 600)
        store.flush()
    assert store.disk is not None
    assert store.disk.get(key("often"), NOW + 600) is not None
    assert store.disk.get(key("never"), NOW + 600) is None


@pytest.mark.digest
def test_what_is_surely_absent_is_not_looked_for(opened: Opener) -> None:
    """After a restart, once the disk has been surveyed: what it never had is not worth asking for."""
    first = TieredStore(MemoryStore(10**6), opened())
    first.put(key("there"), entry(), NOW)
    first.close()
    presence = Presence(2**20)
    store = TieredStore(MemoryStore(10**6), opened(), presence=presence)
    for _ in range(1000):
        if not store.worth_asking(key("absent")):
            break
        time.sleep(0.01)
    assert not store.worth_asking(key("absent"))
    assert store.worth_asking(key("there"))
    store.put(key("new"), entry(), NOW)
    assert store.worth_asking(key("new"))


def test_without_a_disk_nothing_is_worth_asking_and_without_a_survey_all_is(opened: Opener) -> None:
    assert not TieredStore(MemoryStore(10**6), None).worth_asking(key())
    assert TieredStore(MemoryStore(10**6), opened()).worth_asking(key())
