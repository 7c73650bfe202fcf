"""Files as people have them: packed, cut off, damaged, empty, of other kinds, with lines without end."""

from __future__ import annotations

import gzip
import io
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from everwarm import packing
from everwarm.analyze.formats.registry import format_of
from everwarm.analyze.reading import files
from everwarm.analyze.reading.files import LogFile, logs
from everwarm.analyze.reading.log import read_all
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.call import Place
from logged import CHAT, all_of, found, json_lines, records, unread

LOG = json_lines(*({"ts": 1_760_000_000 + n, "request": {**CHAT, "seed": n}} for n in range(500)))


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


PACKINGS = {
    "plain": lambda data: data,
    "gzip": gzip.compress,
    "zstd": zstd,
    "two members of gzip": lambda data: gzip.compress(data[:999]) + gzip.compress(data[999:]),
    "two frames of zstd": lambda data: zstd(data[:999]) + zstd(data[999:]),
    "padded gzip": lambda data: gzip.compress(data) + bytes(512),
    "with a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "with lines of Windows": lambda data: data.replace(b"\n", b"\r\n"),
    "with empty lines at the end": lambda data: data + b"\n  \n\r\n",
    "without a last line's end": lambda data: data.rstrip(b"\n"),
}


@pytest.mark.parametrize("packed", PACKINGS.values(), ids=list(PACKINGS))
def test_the_same_calls_however_they_are_packed(packed: Callable[[bytes], bytes], tmp_path: Path) -> None:
    plain = records(tmp_path, LOG)
    assert records(tmp_path, packed(LOG)) == plain
    assert [each.place.line for each in plain] == list(range(1, 501))


def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\xef\xbb\xbf{}\n[]\n")
    lines = LogFile(str(path))
    assert lines.head() == b"{}\n[]\n"
    assert list(lines.numbered()) == [(1, b"{}"), (2, b"[]")]


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO(gzip.compress(LOG))

    monkeypatch.setattr(sys, "stdin", Stdin)
    (lines,) = logs(["-"])
    assert [number for number, _ in lines.numbered()] == list(range(1, 501))
    assert (lines.name, lines.size, lines.bytes) == ("-", 0, len(LOG))


def test_a_folder_gives_its_logs_in_order(tmp_path: Path) -> None:
    names = ["b.jsonl", "c.log.1", "d.har", "e.jsonl-20260101.gz", "z.ndjson.zst", "a/x.json", "a/y.jsonl.gz"]
    others = ["README.md", ".hidden.jsonl", "node_modules/x.json", "photo.png", "main.py"]
    for name in names + others:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    got = [(str(Path(lines.name).relative_to(tmp_path)), lines.named) for lines in logs([str(tmp_path)])]
    assert got == [(name, False) for name in names]
    assert [lines.named for lines in logs([str(tmp_path / "README.md")])] == [True]


def test_a_folder_gives_what_agents_keep_in_hidden_ones(tmp_path: Path) -> None:
    names = [".claude/projects/-home/s1.jsonl", ".codex/sessions/2026/03/rollout-1.jsonl", ".pi/agent/sessions/a.jsonl"]
    results = ".claude/projects/-home/s1/tool-results/b1.txt"
    attached = f"archive/{'0f' * 20}.json"  # a body of an HTTP archive, which is read with that
    for name in [*names, ".cache/a.jsonl", ".claude/.credentials.json", results, attached]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"{}")
    assert [str(Path(lines.name).relative_to(tmp_path)) for lines in logs([str(tmp_path)])] == names


NO_LOGS = {
    "auth.json": {"OPENAI_API_KEY": "sk-hidden", "tokens": {"access_token": "hidden", "account_id": "a"}},
    "settings.json": {"env": {"ANTHROPIC_AUTH_TOKEN": "hidden"}, "model": "opus", "hooks": {}},
    "todos.json": [{"content": "Add", "status": "completed", "id": "1"}],
    "empty.json": [],
    "history.jsonl": {"session_id": "s1", "ts": 1772359200, "text": "Hi"},
}


def test_of_a_folder_only_logs_are_told_of(tmp_path: Path) -> None:
    for name, value in NO_LOGS.items():
        (tmp_path / name).write_bytes(json_lines(value))
    (tmp_path / "calls.jsonl").write_bytes(LOG)
    (tmp_path / "counts.jsonl").write_bytes(json_lines({"model": "gpt-5", "prompt_tokens": 9, "completion_tokens": 1}))
    (tmp_path / "texts.jsonl").write_bytes(json_lines({"kwargs": json_lines(CHAT).decode()}))
    sources = read_all([str(tmp_path)], lambda _: None).sources
    assert [(Path(source.name).name, source.calls, source.unread) for source in sources] == [
        ("calls.jsonl", 500, 0),
        ("counts.jsonl", 1, 0),
        ("texts.jsonl", 1, 0),
    ]


@pytest.mark.parametrize("name", ["auth.json", "settings.json"])
def test_what_cannot_be_read_is_shown_without_secrets(name: str, tmp_path: Path) -> None:
    shown = unread(tmp_path, json_lines(NO_LOGS[name]), name).sample
    assert "hidden" not in shown
    assert "\N{HORIZONTAL ELLIPSIS}" in shown


def test_a_first_line_that_is_long_tells_the_format(tmp_path: Path) -> None:
    """As one with all instructions does."""
    meta = {"id": "t1", "cwd": "/home/ada", "base_instructions": {"text": "code " * 30_000}}
    path = tmp_path / "long.jsonl"
    path.write_bytes(json_lines({"type": "session_meta", "payload": meta}, {"type": "turn_context", "payload": {}}))
    lines = LogFile(str(path))
    kind = format_of(lines)
    assert kind is not None
    assert kind.name == "Codex rollout"
    assert len(lines.head()) > 150_000
    assert [number for number, _ in lines.numbered()] == [1, 2]


def test_progress_counts_what_lies_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(LOG))
    read: list[int] = []
    (lines,) = logs([str(path)], read.append)
    assert sum(1 for _ in lines.numbered()) == 500
    assert sum(read) == lines.size == path.stat().st_size
    assert lines.bytes == len(LOG)


def test_what_was_there_before_the_end_is_missing_is_read(tmp_path: Path) -> None:
    noise = [{**CHAT, "user": random.Random(n).randbytes(40).hex()} for n in range(3_000)]
    whole = gzip.compress(json_lines(*noise))
    for packed in (whole[: len(whole) // 2], zstd(json_lines(*noise))[:-1000]):
        *calls, cut, why = found(tmp_path, packed, "log.gz")
        assert len(calls) > 500
        assert all(isinstance(each, Record) for each in calls)
        assert isinstance(cut, Record) or cut.why.startswith("it is no JSON")
        assert why == Unread(Place(str(tmp_path / "log.gz"), 0), "it is packed, and its end is missing")


@pytest.mark.parametrize("pack", [gzip.compress, zstd], ids=["gzip", "zstd"])
def test_damage_within_packed_data(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    data = bytearray(pack(LOG))
    data[len(data) // 2] ^= 0xFF
    last = found(tmp_path, bytes(data), "log.gz")[-1]
    assert isinstance(last, Unread)
    assert last.place.line == 0 or last.why.startswith("it is no JSON")


def test_zstd_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zstandard", None)
    assert "install the package zstandard" in unread(tmp_path, zstd(LOG)).why


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"\n \n\t\r\n", "it is empty"),
        (gzip.compress(b""), "it is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "it is no text"),
        (b"\1\2" + b"\0" * 100, "it is no text"),
        ("{}".encode("utf-16"), "it is text in UTF-16"),
        (b"PK\x03\x04rest", "it is packed in a way that is not read here"),
        (b"version https://git-lfs.example/v1\nsize 1\n", "it is a pointer of Git LFS"),
        (b"SQLite format 3\0" + b"\1" * 200, "it is a database of another program"),
        (b"Dear diary,\ntoday nothing happened.\n", "it is no log of any form that is known"),
    ],
    ids=["nothing", "blank", "nothing, packed", "a picture", "bytes", "utf-16", "zip", "lfs", "a database", "prose"],
)
def test_what_is_no_log_says_so(data: bytes, why: str, tmp_path: Path) -> None:
    only = unread(tmp_path, data, "file")
    assert only.why.startswith(why)
    assert len(only.sample) <= 80


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    assert [u.why for u in all_of(tmp_path / "none.jsonl") if isinstance(u, Unread)] == ["there is no such file"]
    (only,) = all_of(Path("a\0b"))
    assert isinstance(only, Unread)
    assert only.why.startswith("it cannot be read")


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="needs a file that fails when it is read: Linux has one"
)
def test_a_file_that_fails_when_it_is_read() -> None:
    (only,) = all_of(Path("/proc/self/mem"))
    assert isinstance(only, Unread)
    assert only.why.startswith("it cannot be read: ")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of more than 100 kB are too long, and files are read in pieces of a few kB."""
    monkeypatch.setattr(files, "LONGEST", 100_000)
    monkeypatch.setattr(packing, "CHUNK", 4096)
    monkeypatch.setattr(packing, "PACKED", 4096)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("end", [b"\n", b""], ids=["a line after it", "the last line"])
def test_a_line_without_end_is_passed_over(end: bytes, tmp_path: Path) -> None:
    line = json_lines({**CHAT, "user": "x" * 200_000}).rstrip(b"\n")
    *calls, why = found(tmp_path, json_lines(CHAT) + line + (end + json_lines(CHAT) if end else b""))
    assert [each.place.line for each in calls] == ([1, 3] if end else [1])
    assert isinstance(why, Unread)
    assert why.place.line == 2
    assert why.why.startswith("the line is longer than")
    assert why.sample == line[:80].decode()


@pytest.mark.usefixtures("short")
def test_a_line_in_many_pieces_is_whole(tmp_path: Path) -> None:
    body = {**CHAT, "user": "x" * 90_000}
    path = tmp_path / "log.jsonl"
    path.write_bytes(json_lines(CHAT, body, CHAT))
    assert [line for _, line in LogFile(str(path)).numbered()] == json_lines(CHAT, body, CHAT).splitlines()
    assert LogFile(str(path)).whole() == path.read_bytes()


@pytest.mark.usefixtures("short")
def test_a_whole_value_that_is_too_long(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_bytes(b"[\n" + json_lines({**CHAT, "user": "x" * 200_000}) + b"]")
    lines = LogFile(str(path))
    assert lines.whole() == b""
    assert [trouble.why for trouble in lines.troubles] == [f"it is one value of more than {files._LONGEST}"]
