from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from everwarm.errors import StoreError
from everwarm.store.aside import KEPT_ASIDE, set_aside
from everwarm.store.file import Opened, Schema, is_moved, open_file, put_aside

NOW = 1_800_000_000.0  # 2027-01-15 08:00:00 UTC
ONE = Schema(0x11, (("CREATE TABLE things (name TEXT)",),))
TWO = Schema(
    0x11,
    (
        *ONE.migrations,
        (
            "CREATE TABLE better (name TEXT, size INTEGER)",
            "INSERT INTO better SELECT name, 1 FROM things",
            "DROP TABLE things",
        ),
    ),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "things.db"


@contextlib.contextmanager
def connected(path: Path, schema: Schema = ONE) -> Iterator[Opened]:
    it = open_file(path, schema, lambda: NOW)
    with contextlib.closing(it.writer), contextlib.closing(it.reader):
        yield it


def opened(path: Path, schema: Schema = ONE) -> tuple[list[tuple[object, ...]], Path | None]:
    """What is in its only table, and where the damaged file went."""
    with connected(path, schema) as it:
        table = "things" if schema is ONE else "better"
        return it.reader.execute(f"SELECT * FROM {table}").fetchall(), it.aside


def filled(path: Path, schema: Schema = ONE) -> None:
    with connected(path, schema) as it:
        it.writer.execute(f"INSERT INTO {'things' if schema is ONE else 'better'} (name) VALUES ('kept')")


def test_a_new_file_is_for_its_owner_only(path: Path) -> None:
    with connected(path) as it:
        it.writer.execute("INSERT INTO things VALUES ('x')")
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
        assert it.aside is None
    assert modes == {"things.db": 0o600, "things.db-wal": 0o600, "things.db-shm": 0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed(path: Path) -> None:
    filled(path)
    path.chmod(0o644)
    assert opened(path) == ([("kept",)], None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_of_no_length_is_a_new_one(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert opened(path) == ([], None)


def test_migrations_bring_an_old_file_up_in_order(path: Path) -> None:
    filled(path, ONE)
    assert opened(path, TWO) == ([("kept", 1)], None)
    assert opened(path, TWO) == ([("kept", 1)], None)


def test_a_migration_with_a_mistake_spoils_no_file(path: Path) -> None:
    filled(path, ONE)
    before = path.read_bytes()
    broken = Schema(0x11, (*ONE.migrations, ("CREATE TABLE better (x)", "no such statement")))
    with pytest.raises(sqlite3.OperationalError, match="syntax error"):
        open_file(path, broken, lambda: NOW)
    assert path.read_bytes() == before


def test_a_newer_file_is_refused_and_left_alone(path: Path) -> None:
    filled(path, TWO)
    with pytest.raises(
        StoreError, match=r"newer Everwarm \(its schema is 2, this one knows up to 1\).*move the file away"
    ):
        open_file(path, ONE)
    assert opened(path, TWO) == ([("kept", None)], None)


def damage_garbage(path: Path) -> None:
    path.write_bytes(b"this is not a database, " * 1000)


def damage_short(path: Path) -> None:
    os.truncate(path, 1000)


def damage_page_size(path: Path) -> None:
    _overwrite(path, 16, b"\x00\x07")


def damage_version(path: Path) -> None:
    _overwrite(path, 63, b"\x63")  # user_version 99: looks like a newer program's, but its copy in meta says 1


def damage_application(path: Path) -> None:
    _overwrite(path, 68, b"\xff")


def damage_schema(path: Path) -> None:
    content = path.read_bytes()
    _overwrite(path, content.index(b"things (name"), b"thangs")


def damage_trigger(path: Path) -> None:
    """Not broken, but not ours: code that would run with our statements."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TRIGGER evil AFTER INSERT ON things BEGIN DELETE FROM things; END")


def damage_foreign(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE somebody_elses (x)")


def damage_old_meta(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM meta")


def _overwrite(path: Path, at: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.parametrize("damage", [f for name, f in sorted(globals().items()) if name.startswith("damage_")])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(
    path: Path, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    filled(path)
    damage(path)  # type: ignore[operator]
    broken = path.read_bytes()
    rows, aside = opened(path)
    assert rows == []
    assert aside == path.with_name("things.db.corrupt-20270115-080000")
    assert aside.read_bytes() == broken or damage is damage_foreign  # whose journal mode changed
    assert str(path) in caplog.text
    assert str(aside) in caplog.text
    assert opened(path) == ([], None)


def test_its_wal_goes_with_it(path: Path) -> None:
    """What is set aside can still be opened with what was in its log."""
    filled(path)
    with connected(path) as it:
        it.writer.execute("INSERT INTO things VALUES ('in the log')")
        aside = set_aside(path, NOW)
    assert opened(path) == ([], None)
    with contextlib.closing(sqlite3.connect(aside)) as old:
        assert old.execute("SELECT name FROM things").fetchall() == [("kept",), ("in the log",)]


def test_a_name_that_is_taken_gets_a_number_and_the_oldest_go(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = []
    for number in range(KEPT_ASIDE + 2):
        path.parent.mkdir(exist_ok=True)
        damage_garbage(path)
        os.utime(path, (number, number))
        names.append(opened(path)[1])
    assert [p.name.removeprefix("things.db.corrupt-20270115-080000") for p in names[:4] if p] == ["", "-1", "-2", "-3"]
    assert set(path.parent.glob("*.corrupt-*")) == set(names[-KEPT_ASIDE:])
    assert "is removed" in caplog.text


def test_a_file_that_another_program_holds_is_told_about_and_left_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("everwarm.store.file.BUSY_SECONDS", 0.01)
    filled(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"cannot be opened: database is locked.*--data"):
            open_file(path, ONE)
        other.execute("ROLLBACK")
    assert opened(path) == ([("kept",)], None)


def test_a_place_that_cannot_be_written_is_told_about(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot be opened: .*--data"):
        open_file(tmp_path / "file" / "things.db", ONE)
    (tmp_path / "things.db").mkdir()
    with pytest.raises(StoreError, match=r"cannot be opened: .*--data"):
        open_file(tmp_path / "things.db", ONE)


def test_one_damage_that_two_processes_find_costs_one_file(path: Path) -> None:
    filled(path)
    damage = sqlite3.DatabaseError("database disk image is malformed")
    with connected(path) as one, connected(path) as other:
        put_aside(path, one.identity, damage, NOW)
        assert is_moved(path, other.identity)
        filled(path)  # the first has begun a new one
        put_aside(path, other.identity, damage, NOW)
        assert not is_moved(path, path_identity(path))
    assert opened(path) == ([("kept",)], None)


def path_identity(path: Path) -> tuple[int, int]:
    return path.stat().st_dev, path.stat().st_ino
