"""What SqliteStore does beyond the contract: it survives."""

from __future__ import annotations

import contextlib
import logging
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import store_load as load
from everwarm.core.key import PUBLIC, ExactKey, Namespace, exact_key
from everwarm.store import database, spaces
from everwarm.store.protocol import Entry
from everwarm.store.sqlite import SqliteStore
from store_load import NOW, SECRET

Opener = Callable[..., SqliteStore]


def key(name: str = "x", namespace: Namespace = PUBLIC) -> ExactKey:
    return exact_key(namespace, "openai_chat", "model", name.encode())


def entry(payload: bytes = b"answer", ttl: float = 1000.0, tags: tuple[str, ...] = ()) -> Entry:
    return Entry(payload, NOW, NOW + ttl, tags)


def execute(path: Path, statement: str, *values: object) -> None:
    """From another process, so to speak."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement, values)


def wait_until(condition: Callable[[], bool]) -> None:
    """Ten seconds at most."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in ten seconds")


@pytest.mark.digest  # it drops one entry by its digest
@pytest.mark.parametrize("round_", range(5))
def test_killed_at_any_moment_every_entry_is_absent_or_whole(path: Path, opened: Opener, round_: int) -> None:
    """Two kills of one file; what was flushed before a kill is there after it, in that turn or a later one."""
    chance = random.Random(round_)
    for turn in (0, 1000):
        process = subprocess.Popen(
            [sys.executable, load.__file__, str(path), str(turn)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        flushed = dict(line.split() for line in process.stdout.read().splitlines() if line.count(" ") == 1)
        process.wait()
        process.stdout.close()
        store = opened(max_bytes=10**7)
        for number in range(load.NAMES):
            found = store.get(load.key(f"n{number}"), NOW)
            assert found is None or load.is_whole(f"n{number}", found.payload)
        for name, at in flushed.items():
            kept = store.get(load.key(name), NOW)
            assert kept is not None
            assert int(kept.payload.split(b"/")[1]) >= int(at)
        store.check_integrity()
        assert store.faults() == (0, 0, 0)
        store.close()


def test_a_full_disk_costs_what_is_put_meanwhile_and_nothing_else(path: Path) -> None:
    """Files limited to 1 MB, some 200 answers of 15 kB: it fills, goes on, and writes again once there is room."""
    done = subprocess.run(
        [sys.executable, load.__file__, str(path), "0", "1000000"], capture_output=True, text=True, timeout=120
    )
    unwritten, corrupt, found, kept, after = done.stdout.split()
    assert 0 < int(unwritten) < load.NAMES
    assert int(corrupt) == 0
    assert int(found) + int(unwritten) == load.NAMES
    assert (kept, after) == ("True", "True")
    assert done.stderr.count("cannot be written") == 1
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small store, closed: some answers on several pages, two namespaces, tags, an overflowing payload."""
    path = tmp_path_factory.mktemp("sample") / "cache.db"
    store = SqliteStore(path, SECRET, 2**24)
    for name, made in sample_entries().items():
        store.put(key(*name), made, NOW)
    store.close()
    return path


def sample_entries() -> dict[tuple[str, Namespace], Entry]:
    return {
        (f"n{number}", space): entry(
            f"{number} of {space.id} ".encode() * (1 + number * 30), tags=("t", f"t{number % 3}")
        )
        for number in range(24)
        for space in (PUBLIC, Namespace("b" * 32))
    }


def check_start(damaged: Path) -> int:
    """Start on a damaged file: no error, no wrong answer, and it works again. Returns how many answers were kept."""
    store = SqliteStore(damaged, SECRET, 2**24)
    kept = 0
    for name, made in sample_entries().items():
        found = store.get(key(*name), NOW)
        assert found is None or found == made, name
        kept += found is not None
    store.put(key("new"), entry(b"new"), NOW)
    store.drop(PUBLIC, tag="t1")
    store.flush()
    if store.get(key("new"), NOW) is None:  # the damage was met by this very write; the next one has a new file
        store.put(key("new"), entry(b"new"), NOW)
    assert store.get(key("new"), NOW) == entry(b"new")
    store.close()
    for file in damaged.parent.iterdir():
        file.unlink()
    return kept


def test_the_sample_is_sound(sample: Path, path: Path) -> None:
    shutil.copy(sample, path)
    assert check_start(path) == len(sample_entries())


@pytest.mark.parametrize("seed", range(4))
def test_any_byte_may_flip(sample: Path, path: Path, seed: int) -> None:
    """Every byte of the header, and others at random: the start succeeds, and nothing wrong is ever returned."""
    whole, chance = sample.read_bytes(), random.Random(seed)
    places = [*range(seed, 100, 4), *(chance.randrange(len(whole)) for _ in range(60))]
    kept = 0
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        kept += check_start(path) > 0
    assert kept > len(places) / 4  # a flip seldom costs everything


@pytest.mark.parametrize("seed", range(3))
def test_pages_may_turn_to_noise(sample: Path, path: Path, seed: int) -> None:
    whole, chance = sample.read_bytes(), random.Random(seed)
    for page in range(len(whole) // 4096):
        damaged = bytearray(whole)
        at = page * 4096 + chance.randrange(4096)
        length = chance.randrange(1, 600)
        damaged[at : at + length] = chance.randbytes(length)
        path.write_bytes(damaged[: len(whole)])
        check_start(path)


def test_any_length_may_be_cut(sample: Path, path: Path) -> None:
    whole = sample.read_bytes()
    for length in [*range(0, 120, 7), *range(120, len(whole), len(whole) // 40)]:
        path.write_bytes(whole[:length])
        check_start(path)


def test_a_log_may_be_damaged(path: Path, tmp_path: Path) -> None:
    """The write-ahead log of a killed process, cut and flipped: its frames carry checksums."""
    store = SqliteStore(path, SECRET, 2**24)
    for name, made in sample_entries().items():
        store.put(key(*name), made, NOW)
    store.flush()
    main, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    store.close()
    chance, kept = random.Random(0), []
    for number in range(40):
        folder = tmp_path / str(number)
        folder.mkdir()
        damaged = bytearray(log)
        damaged[chance.randrange(len(log))] ^= 1 << chance.randrange(8)
        (folder / "cache.db").write_bytes(main)
        (folder / "cache.db-wal").write_bytes(damaged[: len(log) if number % 2 else chance.randrange(len(log))])
        kept.append(check_start(folder / "cache.db"))
    assert 0 in kept


def test_damage_that_shows_while_running_is_set_aside(
    path: Path, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened()
    for number in range(300):
        store.put(key(str(number)), entry(bytes(3000)), NOW)
    store.close()
    content = bytearray(path.read_bytes())
    for page in range(4, len(content) // 4096):  # all but the schema and the first roots
        content[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    path.write_bytes(content)
    store = opened()
    for number in range(300):
        assert store.get(key(str(number)), NOW) in (None, entry(bytes(3000)))
    store.put(key("new"), entry(b"new"), NOW)
    store.flush()
    assert store.get(key("new"), NOW) == entry(b"new")
    assert store.faults().unreadable > 0
    assert len(list(path.parent.glob("cache.db.corrupt-*"))) == 1
    assert "is damaged" in caplog.text
    store.check_integrity()


FORGERIES = {
    "payload": "UPDATE bodies SET payload = ?",
    "tags": "UPDATE bodies SET tags = CAST('[\"other\"]' AS BLOB)",
    "seal": "UPDATE bodies SET mac = zeroblob(16)",
    "no seal": "UPDATE bodies SET mac = x''",
    "type": "UPDATE bodies SET payload = 'text'",
    "created": "UPDATE entries SET created = created - 1",
    "expires": "UPDATE entries SET expires = expires + 1000",
    "expires as text": "UPDATE entries SET expires = 'never'",
    "text that is none": "UPDATE bodies SET payload = CAST(x'ff' AS TEXT)",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_row_that_was_touched_is_dropped_and_counted_once(path: Path, opened: Opener, forgery: str) -> None:
    store = opened()
    store.put(key("a"), entry(b"a", tags=("t",)), NOW)
    store.flush()
    execute(path, FORGERIES[forgery], *([b"forged"] if "?" in FORGERIES[forgery] else []))
    for _ in range(3):
        assert store.get(key("a"), NOW) is None
    store.flush()
    assert store.faults() == (1, 0, 0)
    assert store.held() == (0, 0)
    store.check_integrity()


def test_a_payload_moved_to_another_key_is_not_returned(path: Path, opened: Opener) -> None:
    """Also not to another namespace: both are under the seal."""
    other = Namespace("b" * 32)
    store = opened()
    store.put(key("a"), entry(b"a"), NOW)
    store.flush()
    execute(path, "UPDATE bodies SET proof = ?", key("b", other).proof)
    execute(path, "UPDATE spaces SET name = ? WHERE id <> 0", other.id)
    execute(path, "UPDATE entries SET digest = ?", key("b", other).digest)
    assert store.get(key("b", other), NOW) is None
    assert store.faults().corrupt == 1


def test_under_another_secret_nothing_is_found_and_all_is_dropped(opened: Opener) -> None:
    store = opened()
    store.put(key(), entry(), NOW)
    store.close()
    store = opened(secret=bytes(32))
    assert store.get(key(), NOW) is None
    store.flush()
    assert store.faults().corrupt == 1
    assert store.held().entries == 0


def test_accounts_that_are_wrong_are_set_right_after_a_start(path: Path, opened: Opener) -> None:
    store = opened()
    store.put(key(), entry(), NOW)
    store.flush()
    held = store.held()
    store.close()
    execute(path, "UPDATE spaces SET bytes = 10000000000, entries = -1")
    store = opened()
    assert store.held() != held
    store.watch(lambda _: None)
    wait_until(lambda: store.held() == held)
    assert store.held() == store.held(PUBLIC) == held
    store.check_integrity()


def test_a_full_queue_sheds_and_counts_and_what_is_shed_still_replaces(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = opened(queue_bytes=20_000)
    store.put(key("0"), entry(b"old"), NOW)
    store.flush()
    monkeypatch.setattr(database, "PAUSE_SECONDS", 3600.0)
    for number in range(10):
        store.put(key(str(9 - number)), entry(bytes(5000)), NOW)  # the last is "0"
    assert store.faults().unwritten == 7
    assert store.get(key("0"), NOW) is None
    store.flush()
    assert store.get(key("0"), NOW) is None
    assert [store.get(key(str(n)), NOW) is not None for n in (9, 8, 7, 6)] == [True, True, True, False]
    store.check_integrity()


def test_what_a_failing_disk_did_not_take_still_replaces_and_drops(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "BACKOFF_SECONDS", 0.01)
    store = opened()
    for name in ("replaced", "dropped", "kept"):
        store.put(key(name), entry(b"old", tags=(name,)), NOW)
    store.flush()

    def fail(*_: object) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(spaces, "trim", fail)
        store.put(key("replaced"), entry(b"new"), NOW)
        store.drop(PUBLIC, tag="dropped")
        assert [store.get(key(name), NOW) for name in ("replaced", "dropped")] == [None, None]
        assert store.get(key("kept"), NOW) is not None
        assert store.faults().unwritten == 1
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    store.flush()
    store.flush()
    assert [store.get(key(name), NOW) for name in ("replaced", "dropped")] == [None, None]
    assert store.held().entries == 1
    store.check_integrity()


def test_files_are_for_their_owner_only(path: Path, opened: Opener) -> None:
    store = opened()
    store.put(key(), entry(), NOW)
    store.flush()
    assert {p.name: p.stat().st_mode & 0o777 for p in path.parent.iterdir()} == {
        "cache.db": 0o600,
        "cache.db-wal": 0o600,
        "cache.db-shm": 0o600,
    }


def test_expired_rows_leave_the_disk_also_below_the_bound(opened: Opener) -> None:
    store = opened()
    store.put(key("short"), entry(ttl=5), NOW)
    store.flush()
    store.put(key("long"), Entry(b"", NOW + 20, NOW + 1000), NOW + 20)
    store.flush()
    assert store.held().entries == 1
