"""What MemoryStore does beyond the contract."""

from __future__ import annotations

import gc
import random
import threading
import tracemalloc

from everwarm.core.key import PUBLIC, ExactKey, Namespace, exact_key
from everwarm.store.memory import MemoryStore
from everwarm.store.protocol import Entry
from everwarm.store.rules import OVERHEAD, TAG_OVERHEAD, weight

NOW = 1_800_000_000.0


def key(name: str = "x", namespace: Namespace = PUBLIC) -> ExactKey:
    return exact_key(namespace, "openai_chat", "model", name.encode())


def entry(payload: bytes = b"answer", ttl: float = 1000.0, tags: tuple[str, ...] = ()) -> Entry:
    return Entry(payload, NOW, NOW + ttl, tags)


def test_the_weight_of_an_entry() -> None:
    store = MemoryStore(10**6)
    made = entry(b"12345", tags=("ab", "é"))
    store.put(key(), made, NOW)
    assert weight(key().proof, made) == OVERHEAD + len(key().proof) + 5 + 2 * TAG_OVERHEAD + 2 + 2
    assert store.held() == store.held(PUBLIC) == (1, weight(key().proof, made))


def test_the_bytes_counted_are_no_less_than_the_memory_taken() -> None:
    """Keys and payloads of their own for each entry, as a gateway has them; short ones, where overhead weighs most."""
    store = MemoryStore(10**9)
    gc.collect()
    tracemalloc.start()
    for number in range(4000):
        name = Namespace(f"tenant {number % 7}")
        store.put(
            key(str(number), name),
            Entry(b"%d" % number, NOW + number, NOW + number + 10, (f"t{number}",)),
            NOW + number,
        )
        store.held()
    gc.collect()
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    held = store.held()
    assert held.bytes >= taken * held.entries / 4000
    assert taken > held.bytes / 3  # nor wildly more


def test_expired_entries_do_not_stay_until_the_bound_is_reached() -> None:
    store = MemoryStore(10**9)
    for second in range(1000):
        store.put(key(str(second)), Entry(b"x", NOW + second, NOW + second + 10), NOW + second)
    assert store.held().entries == 10
    store.check_integrity()


def test_replaced_entries_leave_no_trace() -> None:
    """Neither payloads nor the heap of expiries pile up."""
    store = MemoryStore(10**9)
    tracemalloc.start()
    for _ in range(20_000):
        store.put(key(), entry(bytes(1000)), NOW)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken < 500_000
    store.check_integrity()


def test_uses_are_noted_once_in_a_while() -> None:
    store = MemoryStore(10**6)
    store.put(key("a"), entry(), NOW)
    assert store.used() == []
    store.note_use(60)
    store.put(key("b"), entry(), NOW)
    for second in range(200):
        store.get(key("a"), NOW + second)
    assert store.used() == [(key("a"), NOW + 180)]
    assert store.used() == []
    store.get(key("a"), NOW + 200)
    store.get(key("b"), NOW + 200)
    assert store.used() == [(key("b"), NOW + 200)]


def test_threads_at_once() -> None:
    store = MemoryStore(100_000)
    wrong: list[object] = []

    def work(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(3000):
            name = str(chance.randrange(60))
            action = chance.random()
            if action < 0.5:
                found = store.get(key(name), NOW)
                if found is not None and not found.payload.startswith(name.encode() + b"/"):
                    wrong.append(found)
            elif action < 0.98:
                store.put(key(name), entry(name.encode() + b"/" + bytes(chance.randrange(4000)), tags=(name[0],)), NOW)
            else:
                store.drop(PUBLIC, tag=name[0])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    store.check_integrity()
