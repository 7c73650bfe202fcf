"""Who loses entries on disk: the same as by the plain rule, however few namespaces are looked at in one go."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everwarm.core.eviction import NO_QUOTA, Quota, excess
from everwarm.core.key import ExactKey, Namespace, exact_key
from everwarm.store import answers, spaces
from everwarm.store.file import open_file
from everwarm.store.memory import MemoryStore
from everwarm.store.protocol import Entry
from everwarm.store.rules import weight

SECRET = bytes(range(32))
FOREVER = 1e12

holdings = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3000)), min_size=1, max_size=40)
floors = st.dictionaries(st.integers(0, 9), st.integers(0, 8000), max_size=10)


def key(space: int, number: int) -> ExactKey:
    return exact_key(Namespace(f"tenant {space}"), "openai_chat", "model", b"%d" % number)


def entry(size: int) -> Entry:
    return Entry(bytes(size), 0.0, FOREVER)


@contextlib.contextmanager
def written(held: list[tuple[int, int]]) -> Iterator[sqlite3.Connection]:
    """A file with these entries, (namespace, bytes of payload), the least recently used first."""
    with tempfile.TemporaryDirectory() as folder:
        opened = open_file(Path(folder) / "cache.db", answers.SCHEMA)
        with contextlib.closing(opened.reader), contextlib.closing(opened.writer) as connection:
            for number, (space, size) in enumerate(held):
                answers.insert(connection, SECRET, [answers.New(key(space, number), entry(size), float(number))])
            yield connection


def by_the_rule(held: list[tuple[int, int]], numbers: Iterable[int], bound: int, quotas: dict[str, Quota]) -> list[int]:
    """Which of these entries stay, found one by one."""
    weights = {n: weight(key(held[n][0], n).proof, entry(held[n][1])) for n in numbers}
    while sum(weights.values()) > bound:
        sums: dict[int, int] = {}
        for number, size in weights.items():
            sums[held[number][0]] = sums.get(held[number][0], 0) + size
        over = {space: excess(sums[space], quotas.get(f"tenant {space}", NO_QUOTA)) for space in sums}
        loser = min(over, key=lambda space: (-over[space], f"tenant {space}"))
        del weights[min(number for number in weights if held[number][0] == loser)]
    return sorted(weights)


@pytest.mark.parametrize(("looked_at", "at_once"), [(64, 500), (1, 1), (2, 3)])
def test_a_trim_leaves_what_the_rule_leaves(monkeypatch: pytest.MonkeyPatch, looked_at: int, at_once: int) -> None:
    monkeypatch.setattr(spaces, "LOOKED_AT", looked_at)
    monkeypatch.setattr(spaces, "AT_ONCE", at_once)

    @settings(max_examples=40, deadline=None)
    @given(held=holdings, bound=st.integers(0, 60_000), floor=floors)
    def check(held: list[tuple[int, int]], bound: int, floor: dict[int, int]) -> None:
        quotas = {f"tenant {space}": Quota(size) for space, size in floor.items()}
        with written(held) as connection:
            spaces.trim(connection, bound, quotas, 0.0)
            left = [int(row[0]) for row in connection.execute("SELECT used FROM entries ORDER BY used")]
            assert left == by_the_rule(held, range(len(held)), bound, quotas)
            assert not spaces.skewed(connection)

    check()


def test_memory_leaves_what_the_rule_leaves() -> None:
    @settings(max_examples=60, deadline=None)
    @given(held=holdings, bound=st.integers(2_000, 60_000), floor=floors)
    def check(held: list[tuple[int, int]], bound: int, floor: dict[int, int]) -> None:
        """One more comes at a time, so the rule is applied to each beginning of the list."""
        quotas = {f"tenant {space}": Quota(size) for space, size in floor.items()}
        store = MemoryStore(bound, quotas)
        expected: list[int] = []
        for number, (space, size) in enumerate(held):
            store.put(key(space, number), entry(size), 1.0)
            if weight(key(space, number).proof, entry(size)) <= bound:
                expected = by_the_rule(held, [*expected, number], bound, quotas)
        left = [n for n, (space, _) in enumerate(held) if store.get(key(space, n), 1.0) is not None]
        assert left == expected
        store.check_integrity()

    check()
