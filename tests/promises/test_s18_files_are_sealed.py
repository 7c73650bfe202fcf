"""s18: every file of the data folder is for its owner only, and says which version it is; what is stored is sealed with
a MAC, which is checked before anything of it is parsed. No code at rest: the file beside this one.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from everwarm.core.layout.notes import NoteKind
from everwarm.store.notes import DiskNotes
from gateway_upstreams import asks
from live import Live, gateway
from program import program
from providers import provider

posix = pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")

# --- whose files they are, and of which version -----------------------------------------------------------------------


def of_sqlite(path: Path) -> bool:
    """The version is kept twice, so that a flipped bit is not taken for another program's file."""
    with closing(sqlite3.connect(path)) as rows:
        (version,), (copy,) = (
            rows.execute(q).fetchone() for q in ("PRAGMA user_version", "SELECT value FROM meta WHERE key = 'version'")
        )
        (application,) = rows.execute("PRAGMA application_id").fetchone()
    return version == copy >= 1 and application != 0


def empty(path: Path) -> bool:
    """A lock: nothing is read from it."""
    return path.stat().st_size == 0


VERSIONED: dict[str, Callable[[Path], bool]] = {
    r"cache\.db|ledger\.db|layout\.db": of_sqlite,
    r"(cache|ledger|layout)\.db-(wal|shm)": lambda path: True,  # SQLite's, of the file beside it
    r"keys\.toml": lambda path: tomllib.loads(path.read_text())["version"] == 1,
    r"secret\.key": lambda path: path.stat().st_size == 32,  # random bytes: there is nothing to read in it
    r"(serve|keys)\.lock": empty,
    r"workers/\d+\.(json|new)": lambda path: True,  # begun anew at each start, by the program that reads it
    r"(models|kv)/\.lock": empty,
    r"kv/[0-9a-f]{32}/[0-9a-f]{32}(\.new)?": lambda path: path.read_bytes().startswith(b"EWK1"),
    r"models/tiny-[0-9a-f]{16}/facts\.json": lambda path: path.read_bytes().startswith(b"facts 3 "),
    r"models/tiny-[0-9a-f]{16}/measured-[0-9a-f]{8}\.json": lambda path: path.read_bytes().startswith(b"measured 1 "),
    r"models/tiny-[0-9a-f]{16}/openvino_(model|tokenizer)\.(xml|bin)": lambda path: True,  # digests are in the facts
}
"""Names of files -> whether one says its version. A new kind of file must say here how it does."""


@contextmanager
def lenient() -> Iterator[None]:
    """As most systems are set: what a program makes can be read by everybody, unless it sees to it."""
    before = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(before)


def keys_add(data: Path) -> None:
    command = [sys.executable, "-m", "everwarm", "keys", "add", "acme", "--data", str(data)]
    subprocess.run(command, check=True, capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder while a server of two processes runs on it, with all that there can be."""
    data = tmp_path_factory.mktemp("s18") / "data"
    two = ["--workers", "2"] if hasattr(os, "fork") else []
    with lenient(), provider() as fake, program(data, asks(fake.url), *two) as running:
        assert running.ask().status_code == 200
        running.wait(lambda: list(data.glob("workers/*.json")) or not two)
        keys_add(data)
        yield data


@pytest.fixture(scope="module")
def with_a_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which a server has converted the model that it runs."""
    for package in ("openvino_genai", "gguf"):
        if find_spec(package) is None:
            pytest.skip(f"the package {package} is not installed: pip install 'everwarm[local]'")
    from tiny import write_tiny

    data = tmp_path_factory.mktemp("s18") / "data"
    gguf = write_tiny(data.parent / "tiny.gguf")
    with lenient(), program(data, "", "--model", str(gguf)):
        return data


def wrong_modes(folder: Path) -> dict[str, str]:
    """What in a folder, and of it itself, is not for its owner only."""
    wrong = {}
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):  # what is written beside its place is renamed over it
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode != (0o700 if path.is_dir() else 0o600):
                wrong[path.relative_to(folder).as_posix()] = oct(mode)
    return wrong


@posix
def test_folders_and_files_are_for_their_owner_only(folder: Path) -> None:
    assert {"cache.db", "ledger.db", "layout.db", "secret.key", "keys.toml"} <= set(os.listdir(folder))
    assert not wrong_modes(folder)


@posix
def test_so_are_those_of_a_model(with_a_model: Path) -> None:
    """Whatever program writes them: OpenVINO knows nothing of ours."""
    (model,) = with_a_model.glob("models/tiny-*")
    assert {"facts.json", "openvino_model.bin", "openvino_tokenizer.xml"} <= set(os.listdir(model))
    assert not wrong_modes(with_a_model)


@posix
def test_so_they_are_if_it_is_made_for_a_key(tmp_path: Path) -> None:
    with lenient():
        keys_add(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


@pytest.mark.parametrize("which", ["folder", "with_a_model"])
def test_every_file_says_its_version(request: pytest.FixtureRequest, which: str) -> None:
    folder: Path = request.getfixturevalue(which)
    for path in (p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        (says,) = [says for pattern, says in VERSIONED.items() if re.fullmatch(pattern, name)] or [None]
        assert says is not None, f"{name} is a new kind of file: say how it is versioned, and sealed"
        assert says(path), name


# --- what is stored is sealed -----------------------------------------------------------------------------------------

NESTED = b"[" * 100_000
"""A parser that is given this fails, and not in a way that is expected."""

FORGERIES = {
    "another answer": "UPDATE bodies SET payload = CAST(replace(payload, 'answer', 'poison') AS BLOB)",
    "no answer at all": "UPDATE bodies SET payload = zeroblob(3)",
    "labels that break a parser": f"UPDATE bodies SET tags = x'{NESTED.hex()}'",
    "a longer life": "UPDATE entries SET expires = expires + 1e9",
    "another birth": "UPDATE entries SET created = created - 10",
    "another tenant's answer, with its seal": """UPDATE bodies SET (mac, tags, payload) =
        (SELECT mac, tags, payload FROM were WHERE were.entry <> bodies.entry)""",
    "another seal": "UPDATE bodies SET mac = zeroblob(16)",
    "no seal": "UPDATE bodies SET mac = x''",
    "another answer's seal": "UPDATE bodies SET mac = (SELECT mac FROM were WHERE were.entry <> bodies.entry)",
    "another type": "UPDATE bodies SET payload = CAST(payload AS TEXT)",
}
A, B = {"authorization": "Bearer sk-a"}, {"authorization": "Bearer sk-b"}


def asked(live: Live, text: str = "hi") -> list[tuple[str, bytes]]:
    answers = [live.ask(text, headers={**who, "x-everwarm-tags": "faq"}) for who in (A, B)]
    assert [a.status_code for a in answers] == [200, 200]
    return [(a.headers["x-everwarm-cache"], a.content) for a in answers]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which an answer of each of two tenants rests, both of one moment, as far as the seal knows."""
    data, now = tmp_path_factory.mktemp("stored"), time.time()
    with gateway(data) as live:
        live.house.clock = lambda: now
        first = asked(live)
    with gateway(data) as live:
        assert asked(live) == [("hit", content) for _, content in first], "power: as it was written, it is served"
    return data


@pytest.mark.parametrize("how", FORGERIES)
def test_who_does_not_know_the_secret_puts_no_words_in_our_mouth(tmp_path: Path, stored: Path, how: str) -> None:
    data = shutil.copytree(stored, tmp_path / "data")
    with closing(sqlite3.connect(data / "cache.db", isolation_level=None)) as rows:
        rows.execute("CREATE TEMP TABLE were AS SELECT * FROM bodies")
        assert rows.execute(FORGERIES[how]).rowcount == 2
    with gateway(data) as live:
        live.upstream.text = lambda n, request: "fresh"
        for cache, content in asked(live):
            assert cache == "miss"
            assert b"fresh" in content
        assert live.house.store is not None
        faults = live.house.store.faults()
        assert (faults.corrupt, faults.unreadable) == (2, 0)
        live.house.store.check_integrity()


def test_another_secret_reads_nothing(tmp_path: Path, stored: Path) -> None:
    data = shutil.copytree(stored, tmp_path / "data")
    (data / "secret.key").write_bytes(bytes(range(32)))
    with gateway(data) as live:
        assert [cache for cache, _ in asked(live)] == ["miss", "miss"]


def test_a_statement_that_would_run_with_ours_costs_the_file(tmp_path: Path, stored: Path) -> None:
    """Code at rest, in the one language that the store speaks."""
    data = shutil.copytree(stored, tmp_path / "data")
    with closing(sqlite3.connect(data / "cache.db", isolation_level=None)) as rows:
        rows.execute("CREATE TRIGGER evil AFTER INSERT ON bodies BEGIN UPDATE bodies SET payload = x'00'; END")
    with gateway(data) as live:
        assert [cache for cache, _ in asked(live)] == ["miss", "miss"]
    with gateway(data) as live:
        assert [cache for cache, _ in asked(live)] == ["hit", "hit"]
    assert list(data.glob("cache.db.corrupt-*"))


NOTE_FORGERIES = {
    "another text": "UPDATE notes SET value = x'00'",
    "another place": "UPDATE notes SET name = x'6d'",
    "another tenant's": "UPDATE notes SET space = 'b'",
    "another kind": "UPDATE notes SET kind = 'stream'",
    "no seal": "UPDATE notes SET mac = x''",
    "another type": "UPDATE notes SET value = 'text'",
}


@pytest.mark.parametrize("how", NOTE_FORGERIES)
def test_nor_into_a_prompt(tmp_path: Path, how: str) -> None:
    """What the layout engine remembers is put into prompts: it is ours, or it is nothing."""
    places: tuple[tuple[str, NoteKind, bytes], ...] = (
        ("public", "turn", b"n"), ("public", "turn", b"m"), ("b", "turn", b"n"), ("public", "stream", b"n"),
    )  # fmt: skip
    path, secret = tmp_path / "layout.db", bytes(range(32))
    with closing(DiskNotes(path, secret, 10**6)) as notes:
        notes.keep(*places[0], b"ours")
    with closing(DiskNotes(path, secret, 10**6)) as notes:
        assert notes.get(*places[0]) == b"ours", "power: as it was written, it is found"
    with closing(sqlite3.connect(path, isolation_level=None)) as rows:
        assert rows.execute(NOTE_FORGERIES[how]).rowcount == 1
    with closing(DiskNotes(path, secret, 10**6)) as notes:
        assert [notes.get(*place) for place in places] == [None] * len(places)
        assert notes.faults().corrupt == 1
