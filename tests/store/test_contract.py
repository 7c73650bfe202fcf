"""The contract of a store, on each of them."""

from __future__ import annotations

from pathlib import Path

from contract.store import StoreContract
from everwarm.store.memory import MemoryStore
from everwarm.store.protocol import Store
from everwarm.store.sqlite import SqliteStore
from everwarm.store.tiered import TieredStore

SECRET = bytes(range(32))


class TestMemory(StoreContract):
    def make(self, folder: Path, max_bytes: int) -> Store:
        return MemoryStore(max_bytes)


class TestSqlite(StoreContract):
    survives = True

    def make(self, folder: Path, max_bytes: int) -> Store:
        return SqliteStore(folder / "cache.db", SECRET, max_bytes)


class TestTiered(StoreContract):
    survives = True

    def make(self, folder: Path, max_bytes: int) -> Store:
        return TieredStore(MemoryStore(max_bytes), SqliteStore(folder / "cache.db", SECRET, max_bytes))


class TestTieredWithLittleMemory(StoreContract):
    """Nearly everything is read from disk."""

    survives = True

    def make(self, folder: Path, max_bytes: int) -> Store:
        return TieredStore(MemoryStore(2000), SqliteStore(folder / "cache.db", SECRET, max_bytes))


class TestTieredWithoutDisk(StoreContract):
    def make(self, folder: Path, max_bytes: int) -> Store:
        return TieredStore(MemoryStore(max_bytes), None)
