"""``keys.toml``: only digests rest in it, no change is lost, and a damaged one is told, never written over."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.config import Config, keys
from everwarm.config.problems import Problems
from everwarm.errors import ConfigError

AT = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
KEY = "ew-" + "k" * 43


def added(data: Path, name: str, credential: str = KEY) -> keys.Key:
    key = keys.made(name, credential, AT)
    keys.add(data, key)
    return key


def test_without_a_file_there_are_no_keys(tmp_path: Path) -> None:
    assert keys.known(tmp_path / "nowhere") == []
    assert not (tmp_path / "nowhere").exists()


def test_a_key_that_was_added_is_known(tmp_path: Path, configure: Callable[..., Config]) -> None:
    data = tmp_path / "new" / "data"
    first, second, third = added(data, "acme", "one"), added(data, "acme", "two"), added(data, "b.c-d", "three")
    assert keys.known(data) == [first, second, third]
    assert first == keys.Key("acme", sha256(b"one").hexdigest(), "2026-01-31T12:00:00Z")
    config = configure(None, {"data": str(data)})
    assert [config.tenant_of(c) for c in (b"one", b"two", b"three", b"four")] == ["acme", "acme", "b.c-d", None]


def test_only_the_digest_rests_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    added(data, "acme")
    assert all(KEY.encode() not in path.read_bytes() for path in data.iterdir())
    assert sha256(KEY.encode()).hexdigest() in (data / keys.FILE).read_text()
    if sys.platform != "win32":
        assert (data.stat().st_mode & 0o777, (data / keys.FILE).stat().st_mode & 0o777) == (0o700, 0o600)


def test_keys_are_removed_by_name_or_by_digest(tmp_path: Path) -> None:
    one, two, other = added(tmp_path, "a", "1"), added(tmp_path, "a", "2"), added(tmp_path, "b", "3")
    assert keys.remove(tmp_path, "a", one.digest[:8]) == [one]
    assert keys.known(tmp_path) == [two, other]
    assert keys.remove(tmp_path, "b", "sha256:" + other.digest.upper()) == [other]
    three = added(tmp_path, "a", "3")
    assert keys.remove(tmp_path, "a") == [two, three]
    assert keys.known(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "prefix", "says"),
    [
        ("c", "", "There is no key of c. See: everwarm keys list"),
        ("b", sha256(b"1").hexdigest(), "There is no key of b with a digest that starts with"),
        ("a", "zz", "There is no key of a with a digest that starts with zz."),
    ],
)
def test_what_is_not_there_is_not_removed(tmp_path: Path, name: str, prefix: str, says: str) -> None:
    kept = [added(tmp_path, "a", "1"), added(tmp_path, "b", "2")]
    with pytest.raises(ConfigError) as caught:
        keys.remove(tmp_path, name, prefix)
    assert says in caught.value.message
    assert keys.known(tmp_path) == kept


def test_a_prefix_that_fits_several_removes_none(tmp_path: Path) -> None:
    by_first: dict[str, str] = {}
    for n in range(17):  # of 17 digests two start alike
        digest = added(tmp_path, "a", str(n)).digest
        by_first[digest[0]] = by_first.get(digest[0], "") + "x"
    shared = next(first for first, count in by_first.items() if len(count) > 1)
    with pytest.raises(ConfigError, match=rf"keys of a have a digest that starts with {shared}: give more of it"):
        keys.remove(tmp_path, "a", shared)
    assert len(keys.known(tmp_path)) == 17


@pytest.mark.parametrize("name", ["", "A", "a b", "public", "x" * 65, 'a"\nb'])
def test_nobody_has_such_a_name(name: str) -> None:
    with pytest.raises(ConfigError, match=r"NAME: found .*; allowed is a name of 1 to 64"):
        keys.made(name, KEY, AT)


HEAD = "version = 1\n"
GOOD = f'[[key]]\nname = "a"\ndigest = "sha256:{"ab" * 32}"\ncreated_at = "2026-01-31T12:00:00Z"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", ", version: this Everwarm reads version 1 only"),
        ("version = 2\n" + GOOD, ", line 1, version: this Everwarm reads version 1 only; was it written by a newer"),
        (HEAD + "[[key]", ", line 2: is not valid TOML"),
        (HEAD + "key = 1", ", line 2, key: found a number or date; allowed are tables: [[key]]"),
        (HEAD + "other = 1\n" + GOOD, ", line 2, other: unknown; known here are version and key."),
        (HEAD + GOOD + GOOD.replace("digest", "#"), ", line 6, key[1].digest: missing; allowed is a digest."),
        (HEAD + GOOD + "more = 1", ", line 6, key[0].more: unknown; known here are name, digest and created_at."),
        (HEAD + GOOD.replace('"a"', '"A"'), ', line 3, key[0].name: found "A"; allowed is a name'),
        (HEAD + GOOD.replace("sha256:", ""), ", line 4, key[0].digest: found a text that is no digest; allowed is"),
        (HEAD + GOOD.replace("2026-01", "2026-13"), ", line 5, key[0].created_at: found"),
        (HEAD + GOOD.replace('"2026', '1 #"2026'), ", line 5, key[0].created_at: found 1; allowed is a moment"),
    ],
)
def test_a_damaged_file_is_told_with_its_line_and_stays(
    complaint: Callable[..., str], tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / keys.FILE
    path.write_text(text)
    message = complaint(None, {"data": str(tmp_path)})
    assert message.startswith(f"{path}, ")
    assert says in message
    for change in (lambda: added(tmp_path, "b"), lambda: keys.remove(tmp_path, "a")):
        with pytest.raises(ConfigError):
            change()
    assert path.read_text() == text


def test_what_is_wrong_there_follows_what_is_wrong_in_the_settings(
    complaint: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / keys.FILE).write_text("version = 7")
    message = complaint("port = 'x'\n[cache]\nttl = []", {"data": str(tmp_path)}, EVERWARM_HOTS="1")
    places = [line.split(":")[0] for line in message.split("\n  ")]
    assert places[1:] == [
        "everwarm.toml, line 1, port",
        "everwarm.toml, line 3, cache.ttl",
        "environment, EVERWARM_HOTS",
        f"{tmp_path / keys.FILE}, line 1, version",
    ]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"keys\.toml cannot be written: "):
        added(tmp_path / "file", "a")


def test_a_full_file_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [added(tmp_path, "a", "1"), added(tmp_path, "a", "2")]
    monkeypatch.setattr(keys, "LARGEST", (tmp_path / keys.FILE).stat().st_size)
    with pytest.raises(ConfigError, match="holds 2 keys; there is no room for another"):
        added(tmp_path, "a", "3")
    assert keys.known(tmp_path) == kept


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [added(tmp_path, "a", "1")]

    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="cannot be written: No space left on device"):
        added(tmp_path, "a", "2")
    assert keys.known(tmp_path) == kept
    assert {path.name for path in tmp_path.iterdir()} == {"keys.toml", "keys.lock"}


ADDS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from everwarm.config import keys
for n in range(8):
    keys.add(Path(sys.argv[1]), keys.made("t" + sys.argv[2], sys.argv[2] + str(n), datetime.now(UTC)))
"""


def test_processes_that_add_at_once_lose_no_key(tmp_path: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", ADDS, str(tmp_path), name]) for name in "abc"]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    found = {(key.name, key.digest) for key in keys.known(tmp_path)}
    expected = {("t" + name, sha256(f"{name}{n}".encode()).hexdigest()) for name in "abc" for n in range(8)}
    assert found == expected


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: (HEAD + GOOD + text).encode()))
def test_any_bytes_are_keys_or_problems(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "any-keys"
    folder.mkdir(exist_ok=True)
    (folder / keys.FILE).write_bytes(content)
    problems = Problems()
    lines = keys.read(folder, problems)
    assert problems or all(len(bytes.fromhex(line.key.digest)) == 32 for line in lines)
