"""``everwarm layout``: what it lists, what it shows of a file, and what it says of one that it cannot read."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arranging import CLOCK, Plain
from everwarm.cli import main
from everwarm.core.layout.finding import Cost
from everwarm.core.layout.notes import Notes
from everwarm.ledger.book import Ledger
from everwarm.ledger.findings import Looked, spot
from ledger_rows import row

FIRST = b'{ "model":"m", "messages": [{"role": "user", "content": "It is NOW.\\nfirst"}] }'
LAST = FIRST.replace(b"first", b"last")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in a folder of its own: status, output, errors. The engine turns NOW into THEN."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("everwarm.layout.file.Layout", engine)

    def run_(*words: str) -> tuple[int, str, str]:
        status = main(["layout", *words, "--data", str(tmp_path / "data")])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run_


SEEN: list[tuple[str, str, str, Any]] = []


def engine(notes: Notes) -> Plain:
    SEEN.clear()
    return Plain(notes, SEEN)


ID = "9f86d081884c7d65"


@pytest.fixture
def seen(tmp_path: Path) -> None:
    """One request was, and a clock was found in it."""
    ledger = Ledger(tmp_path / "data/ledger.db")
    ledger.add(row())
    ledger.look(Looked(ledger._clock(), "a", ID, "gpt-x", (spot(CLOCK, Cost(11_840, 12_212, calibrated=True)),)))
    ledger.close()


@pytest.mark.usefixtures("seen")
def test_it_lists_what_was_found_and_in_which_stream(run: Run) -> None:
    status, out, _ = run()
    assert status == 0
    found, _, streams = out.partition("Streams of requests in the last week")
    assert " ".join(found.split()) == (
        "What keeps prompts out of a provider's cache `messages[0].content` char 18-37 is a clock; it made 11,840 of "
        f"12,212 tokens uncachable in 1 request: 0.0027 USD a day gpt-x, stream {ID}, tokens calibrated "
        "Calibrated by the usage that was reported of prompts; estimated from characters."
    )
    (line,) = [line.split() for line in streams.splitlines() if line.startswith(f" {ID}")]
    assert (line[1], line[-1]) == ("1", "gpt-x")
    assert f'[layout.streams.{ID}] mode = "rewrite" gives one its own mode' in streams


@pytest.mark.usefixtures("seen")
def test_a_stream_has_the_mode_that_the_settings_say_and_a_slip_is_told(run: Run, tmp_path: Path) -> None:
    slip = ID.replace("8", "b")
    (tmp_path / "everwarm.toml").write_text(
        f'[layout.streams.{ID}]\nmode = "off"\n[layout.streams.{slip}]\nmode = "rewrite"\n'
        '[layout.streams.0123456789012345]\nmode = "rewrite"\n'
    )
    status, out, _ = run()
    (line,) = [line.split() for line in out.splitlines() if line.startswith(f" {ID}")]
    assert (status, line[-2:]) == (0, ["off", "gpt-x"])
    assert out.splitlines()[-2:] == [
        f"everwarm.toml:4: no request of stream {slip} was seen in the last week. Did you mean {ID}?",
        "everwarm.toml:6: no request of stream 0123456789012345 was seen in the last week.",
    ]
    assert "gives one" not in out


def test_without_a_ledger_it_says_how_to_begin(run: Run) -> None:
    status, out, err = run()
    assert (status, out) == (0, "")
    assert "Start with: everwarm serve" in err


def test_the_last_request_before_and_after(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(FIRST + b"\n\n" + LAST + b"\n")
    status, out, _ = run("show", "log.jsonl")
    assert status == 0
    assert out.splitlines() == [
        "request 2 of 2, openai_chat",
        "  messages[0].content char 18-37 is a clock; it no longer makes 11,840 of 12,212 tokens uncachable",
        "  Tokens are estimated from characters.",
        "--- as it came", "+++ as it goes out", "@@ -1,5 +1,5 @@",
        " ── messages[0] user", "-It is NOW.", "+It is THEN.", " last", " ── model", " m",
    ]  # fmt: skip
    assert [mode for *_, mode in SEEN] == ["rewrite", "rewrite"], "one after another"


def test_another_one_and_its_bytes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(FIRST + b"\n" + LAST)
    status, out, _ = run("show", "log.jsonl", "--request", "1", "--out", "new.json")
    assert status == 0
    assert out.startswith("request 1 of 2")
    assert (tmp_path / "new.json").read_bytes() == FIRST.replace(b"NOW", b"THEN")
    assert len(SEEN) == 1


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        (LAST, "openai_chat"),
        (b"[" + LAST + b"," + LAST + b"]", "openai_chat"),
        (json.dumps({"custom_id": "1", "body": json.loads(LAST)}).encode(), "openai_chat"),
        (json.dumps({"request": LAST.decode()}).encode(), "openai_chat"),
        (b'{"system": "NOW", "max_tokens": 1, "messages": []}', "anthropic_messages"),
        (b'{"instructions": "NOW", "input": "hi"}', "openai_responses"),
    ],
)
def test_files_of_many_shapes(run: Run, tmp_path: Path, text: bytes, dialect: str) -> None:
    (tmp_path / "file").write_bytes(text)
    status, out, _ = run("show", "file")
    assert status == 0
    assert out.splitlines()[0].endswith(f", {dialect}")
    assert "THEN" in out


def test_a_packed_log(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl.gz").write_bytes(gzip.compress(FIRST + b"\n" + LAST))
    assert run("show", "log.jsonl.gz")[1].startswith("request 2 of 2, openai_chat")


@pytest.mark.parametrize(("cut", "says"), [(-9, "its end is missing"), (4, "cannot be read")])
def test_a_packed_log_that_is_cut(run: Run, tmp_path: Path, cut: int, says: str) -> None:
    (tmp_path / "log.jsonl.gz").write_bytes(gzip.compress(FIRST * 9)[:cut])
    status, _, err = run("show", "log.jsonl.gz")
    assert status == 1
    assert says in err
    assert "Traceback" not in err


def test_the_dialect_may_be_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(LAST)
    assert "1 of 1, anthropic_messages" in run("show", "file", "--dialect", "anthropic_messages")[1]
    assert SEEN[0][1] == "anthropic_messages"


def test_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LAST)))
    assert "+It is THEN." in run("show", "-")[1]


def test_what_is_not_changed_says_so(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(LAST.replace(b"NOW", b"noon"))
    said = "Nothing of it is changed.\nIt takes a log with 3 requests of a kind to see what changes.\n"
    assert run("show", "file")[1] == f"request 1 of 1, openai_chat\n{said}"
    (tmp_path / "file").write_bytes(b"\n".join([LAST.replace(b"NOW", b"noon")] * 3))
    assert run("show", "file")[1] == "request 3 of 3, openai_chat\nNothing of it is changed.\n"


def test_the_settings_of_the_folder_count(run: Run, tmp_path: Path) -> None:
    (tmp_path / "everwarm.toml").write_text("[layout]\nreference = 'x'\n")
    (tmp_path / "file").write_bytes(LAST)
    status, _, err = run("show", "file")
    assert status == 1
    assert "layout.reference" in err


def test_colours_only_on_a_terminal(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(LAST)
    assert "\x1b" not in run("show", "file")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[32m+It is THEN.\x1b[0m" in run("show", "file")[1]


@pytest.mark.parametrize(
    ("text", "words", "says"),
    [
        (b" \n", [], "file is empty, but must hold requests"),
        (b"7", [], "file is no JSON object"),
        (LAST + b"\nx", [], "file, line 2 is no JSON object"),
        (b'{"a": 1}\n' + LAST, [], "file, line 1 is no request: it has neither messages, nor input, nor prompt."),
        (b"[1]", [], "file, element 1 is no JSON object"),
        (b"[]", [], "file holds no requests"),
        (LAST, ["--request", "2"], "--request 2: file holds requests 1 to 1."),
        (LAST, ["--request", "0"], "--request 0: file holds requests 1 to 1."),
        (LAST, ["--out", "no/such"], "--out no/such cannot be written: No such file or directory."),
    ],
)
def test_what_is_wrong_is_named(run: Run, tmp_path: Path, text: bytes, words: list[str], says: str) -> None:
    (tmp_path / "file").write_bytes(text)
    status, _, err = run("show", "file", *words)
    assert status == 1
    assert says in err
    assert "Traceback" not in err


def test_a_file_that_is_not_there(run: Run) -> None:
    assert run("show", "none") == (1, "", "everwarm: none cannot be read: No such file or directory.\n")


def test_the_real_engine_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "log.jsonl"
    file.write_bytes(FIRST + b"\n" + LAST)
    assert main(["layout", "show", str(file), "--data", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("request 2 of 2, openai_chat\n")
