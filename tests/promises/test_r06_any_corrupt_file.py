"""r06: Any corrupt file: start succeeds, bad entries are dropped and counted (every byte flipped, every length
truncated, on a small store).

A run takes every STEPth byte and length, so that it ends soon; with EVERWARM_TEST_EVERY_BYTE set it takes all (some
four minutes). Written against the store: damage met while it runs, damaged logs and noise are in tests/store.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from everwarm.core.key import PUBLIC, Namespace, exact_key
from everwarm.store import aside
from everwarm.store.protocol import Entry
from everwarm.store.sqlite import SqliteStore

NOW = 1_800_000_000.0
SECRET = bytes(range(32))
HEADER = 100  # bytes, of SQLite's; always all of them
STEP = 1 if os.environ.get("EVERWARM_TEST_EVERY_BYTE") else 19

ENTRIES = {
    exact_key(space, "openai_chat", "model", name.encode()): Entry(
        name.encode() * 200, NOW, NOW + 1000, ("t", name) if name != "c" else ()
    )
    for space in (PUBLIC, Namespace("b" * 32))
    for name in "abc"
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small store, closed."""
    path = tmp_path_factory.mktemp("whole") / "cache.db"
    store = SqliteStore(path, SECRET, 10**6)
    for key, entry in ENTRIES.items():
        store.put(key, entry, NOW)
    store.close()
    return path.read_bytes()


class Tally:
    """What the starts cost, together."""

    def __init__(self) -> None:
        self.starts = self.set_aside = self.corrupt = self.lost = 0

    def start(self, path: Path, content: bytes) -> None:
        """On this file: it succeeds, and what it finds is what was stored, or nothing."""
        path.write_bytes(content)
        store = SqliteStore(path, SECRET, 10**6)
        found = {key: store.get(key, NOW) for key in ENTRIES}
        assert all(entry in (None, ENTRIES[key]) for key, entry in found.items()), "a wrong answer"
        store.close()
        faults = store.faults()
        self.starts += 1
        self.corrupt += faults.corrupt
        self.lost += sum(entry is None for entry in found.values())
        for file in path.parent.iterdir():
            self.set_aside += ".corrupt-" in file.name and not file.name.endswith(aside.SIDES)
            file.unlink()


def test_the_small_store_is_whole(tmp_path: Path, whole: bytes) -> None:
    tally = Tally()
    tally.start(tmp_path / "cache.db", whole)
    assert (tally.corrupt, tally.lost, tally.set_aside) == (0, 0, 0)


def test_a_byte_is_flipped(tmp_path: Path, whole: bytes) -> None:
    tally = Tally()
    for place in sorted({*range(HEADER), *range(0, len(whole), STEP)}):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        tally.start(tmp_path / "cache.db", bytes(damaged))
    assert tally.corrupt > 0, "a seal that does not fit is counted"
    assert 0 < tally.set_aside < tally.starts / 2, "a flip seldom costs the file"
    assert 0 < tally.lost < tally.starts * len(ENTRIES) / 2


def test_a_length_is_cut(tmp_path: Path, whole: bytes) -> None:
    tally = Tally()
    for length in range(0, len(whole), STEP):
        tally.start(tmp_path / "cache.db", whole[:length])
    assert tally.set_aside > 0
