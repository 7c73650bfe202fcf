"""``everwarm analyze`` and ``everwarm explain`` as they are called: what they print, write, refuse, and exit with."""

from __future__ import annotations

import gc
import gzip
import io
import json
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest

from analyzed import entry, written
from everwarm.cli import main
from logged import CHAT, CLAUDE, json_lines

SENTINEL: Final = "Zwetschgenkuchen"
"""A word of the prompts, in all of which it is."""

POLICY: Final = f"{SENTINEL} is what we sell. " + "Answer in one sentence, and say the price. " * 160


class Ran(SimpleNamespace):
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Ran]]:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("EVERWARM_SHARED_DATA", raising=False)  # it is no setting of the program

    def run(*args: object) -> Ran:
        status = main([*map(str, args), "--data", str(tmp_path / "data")])
        out, err = capfd.readouterr()
        return Ran(status=status, out=out, err=err)

    yield run
    gc.unfreeze()  # this program goes on


def asked(second: int, question: str = "How much?", **others: Any) -> dict[str, Any]:
    """A call of an application that says the time in its first line."""
    system = f"It is 2026-11-26 10:{second // 60:02}:{second % 60:02}.\n{POLICY}"
    messages = [{"role": "system", "content": system}, {"role": "user", "content": f"{question} {SENTINEL}!"}]
    return entry({"model": "gpt-5-mini", "messages": messages}, float(second), app="shop", **others)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path / "log.jsonl", [asked(n, f"Question {n}?") for n in range(0, 200, 20)])


def test_no_flags(run: Callable[..., Ran], log: Path) -> None:
    ran = run("analyze", log)
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith("By the provider's rules 0.0% of ")
    assert lines[1].startswith("10 calls, 2025-11-24 16:00 to 2025-11-24 16:03 UTC, from 1 source")
    assert lines[2].startswith("It would cost $")
    clock = next(line for line in lines if line.startswith("System prompt changed: a clock"))
    assert "messages[0].content" in clock
    assert any(line.startswith("Static first, dynamic last (layout = rewrite)") for line in lines)


def test_cycles_are_looked_for_again_afterwards(run: Callable[..., Ran], log: Path, tmp_path: Path) -> None:
    """But not among what is left of an analysis: it lives as long as the program."""
    for path, status in ((log, 0), (tmp_path / "no such log", 1)):
        assert run("analyze", path).status == status
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
        gc.unfreeze()


@pytest.mark.parametrize("rows", [1, 3, 10_000])
def test_json_sql_and_html_have_the_same_sums(
    run: Callable[..., Ran], log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """However many rows are written at once."""
    monkeypatch.setattr("everwarm.analyze.showing.sql._ROWS", rows)
    page, database = tmp_path / "r.html", tmp_path / "r.db"
    ran = run("analyze", log, "--json", "--html", page, "--sql", database)
    total = ran.json["total"]
    steps = {(step["cause"], step["what"]): (step["tokens"], step["calls"]) for step in total["steps"]}
    with closing(sqlite3.connect(database)) as tables:
        (sums,) = tables.execute("SELECT count(*), sum(prompt), sum(read), sum(written), sum(ideal) FROM calls")
        losses = tables.execute("SELECT cause, what, sum(tokens), count(*) FROM losses GROUP BY cause, what")
        assert {(cause, what): (tokens, calls) for cause, what, tokens, calls in losses} == steps
        repairs = tables.execute("SELECT name, read, cost FROM repairs ORDER BY rowid")
        assert list(repairs) == [(each["name"], each["read"], each["cost"]) for each in ran.json["repairs"]]
        assert [note for (note,) in tables.execute("SELECT note FROM notes ORDER BY rowid")] == ran.json["notes"]
    assert sums == tuple(total[name] for name in ("calls", "prompt", "read", "written", "ideal"))
    html = page.read_text("utf-8")
    for tokens, _ in steps.values():
        assert f"{tokens:,}" in html
    assert f"{total['prompt']:,}" in html


def test_a_database_is_written_anew(run: Callable[..., Ran], log: Path, tmp_path: Path) -> None:
    database = tmp_path / "r.db"
    for _ in range(2):
        assert run("analyze", log, "--sql", database).status == 0
    with closing(sqlite3.connect(database)) as tables:
        assert tables.execute("SELECT count(*) FROM calls").fetchone() == (10,)


@pytest.mark.parametrize("flag", ["--html", "--sql"])
def test_what_cannot_be_written_is_said(run: Callable[..., Ran], log: Path, tmp_path: Path, flag: str) -> None:
    ran = run("analyze", log, flag, tmp_path / "nowhere" / "r")
    assert ran.status == 1
    assert ran.err.startswith(f"everwarm: {tmp_path / 'nowhere' / 'r'} cannot be written: ")


def test_fail_under(run: Callable[..., Ran], log: Path) -> None:
    assert run("analyze", log, "--fail-under", 0).status == 0
    ran = run("analyze", log, "--fail-under", 90)
    assert ran.status == 1
    assert ran.err.startswith(
        "everwarm: 0.0 % of the prompt tokens were read from the cache; at least 90 % were wanted."
    )
    assert "Most was lost to this: system prompt changed: a clock (" in ran.err


def test_redacted_nothing_shows_a_word_of_a_prompt(run: Callable[..., Ran], log: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text(f'{{"request": "{SENTINEL}\n' * 3)
    page, database = tmp_path / "r.html", tmp_path / "r.db"
    assert SENTINEL in run("analyze", log, broken, "--json").out, "else the test says nothing"
    ran = run("analyze", log, broken, "--json", "--html", page, "--sql", database, "--redact")
    for shown in (ran.out, page.read_text("utf-8"), database.read_bytes().decode("latin-1")):
        assert SENTINEL not in shown
        assert "10:00:20" not in shown, "the clock, which is told as an example"
    assert SENTINEL not in run("analyze", log, broken, "--redact").out
    assert "Texts of prompts were left out (--redact)." in ran.json["notes"]


def test_replay(run: Callable[..., Ran], log: Path) -> None:
    found = run("analyze", log, "--replay", 4, "--json").json
    assert "Repairs were replayed with the first 4 of 10 calls (--replay N)." in found["notes"]
    assert 0 < found["repairs"][0]["before_prompt"] < found["total"]["prompt"]
    assert run("analyze", log, "--replay", 0, "--json").json["repairs"] == []


def test_standard_input(run: Callable[..., Ran], log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(gzip.compress(log.read_bytes()))))
    assert run("analyze", "-", "--json").json["total"]["calls"] == 10


def test_a_folder(run: Callable[..., Ran], log: Path) -> None:
    (log.parent / "more").mkdir()
    written(log.parent / "more" / "other.jsonl", [asked(n, "Again?") for n in (1000, 1020)])
    (log.parent / "notes.txt").write_text("Remember the cake.")
    found = run("analyze", log.parent, "--json").json
    assert found["total"]["calls"] == 12
    assert len(found["sources"]) == 2, "files in which there is no log are passed over"


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "it is empty"), (bytes(range(256)) * 40, "it is no text"), (b"Dear diary,\n", "no log of any form")],
    ids=["empty", "binary", "prose"],
)
def test_what_is_no_log_is_told_and_fails(run: Callable[..., Ran], tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "it.jsonl"
    path.write_bytes(content)
    ran = run("analyze", path)
    assert ran.status == 1
    assert "No prompt was found in what was read." in ran.out
    assert why in " ".join(ran.out.split())


def test_a_file_that_is_not_there(run: Callable[..., Ran], tmp_path: Path) -> None:
    ran = run("analyze", tmp_path / "nowhere.jsonl")
    assert ran.status == 1
    assert "nowhere.jsonl" in ran.out.replace("\n", "")
    assert "Traceback" not in ran.out + ran.err


def test_broken_lines_are_counted_and_shown(run: Callable[..., Ran], tmp_path: Path) -> None:
    rows: list[Any] = [asked(n) for n in range(95)]
    for n in range(0, 95, 19):
        rows.insert(n, b'{"request": {"model": "gpt-5-mini", "mess')
    path = written(tmp_path / "log.jsonl", rows)
    found = run("analyze", path, "--json").json
    assert (found["total"]["calls"], found["sources"][0]["unread"]) == (95, 5)
    assert "log.jsonl:1: " in found["sources"][0]["sample"]
    assert "No call was found in 5 lines of 1 source:" in run("analyze", path).out


def test_a_provider_and_a_model_that_nobody_knows(run: Callable[..., Ran], tmp_path: Path) -> None:
    """Prompts are compared all the same; there is no rule, so no lifetime, and no price, so no money."""
    rows = [{**asked(n), "request": {**asked(n)["request"], "model": "house-model-7"}} for n in range(0, 90, 30)]
    path = written(tmp_path / "log.jsonl", rows)
    ran = run("analyze", path)
    assert ran.status == 0
    assert "It would cost –; – without any cache" in ran.out
    assert "System prompt changed: a clock" in ran.out
    assert "No money is shown where a model has no price in the list." in ran.out.replace("\n", " ")
    total = run("analyze", path, "--json").json["total"]
    assert (total["cost"], total["uncached"], total["steps"][0]["money"]) == (None, None, None)


def test_no_network_is_used(run: Callable[..., Ran], log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **named: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert run("analyze", log, "--html", log.with_suffix(".html")).status == 0


def test_a_rule_of_ones_own_goes_before_a_packaged_one(run: Callable[..., Ran], tmp_path: Path) -> None:
    rows = [entry({"model": "gpt-5-mini", "messages": [{"role": "user", "content": POLICY}]}, at) for at in (0.0, 90.0)]
    path = written(tmp_path / "log.jsonl", rows)
    assert run("analyze", path, "--json").json["total"]["read"] > 0
    folder = tmp_path / "data" / "rules"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(OWN)
    (new,) = [each for each in run("analyze", path, "--json").json["total"]["steps"] if each["cause"] == "expired"]
    assert new["tokens"] > 1000
    (folder / "mine.toml").write_text("[[rule]]\nmodels = 7\n")
    ran = run("analyze", path)
    assert ran.status == 1
    assert "mine.toml" in ran.err


OWN: Final = """
[[rule]]
provider = "openai"
models = ["gpt-5-mini*"]
minimum = 100
step = 128
automatic = true
refreshes = true
read_factor = 0.1
ttls = [{ seconds = 60, write_factor = 1.0 }]
usage = ["prompt_tokens_details.cached_tokens"]
source = "https://example.com"
checked = 2026-11-25
confidence = "high"
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell a program's memory so")
def test_a_large_log_is_read_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 MB of requests of which most was said before: what is kept is what differs."""
    path = tmp_path / "log.jsonl"
    text = "".join(f"Paragraph {n} of the handbook, which is the same in each request. " for n in range(800))
    with path.open("wb") as file:
        for n in range(1_100):
            messages = [{"role": "system", "content": text}, {"role": "user", "content": f"Question {n}?"}]
            file.write(json_lines(entry({"model": "gpt-5-mini", "messages": messages}, float(n))))
    assert path.stat().st_size > 55e6
    monkeypatch.delenv("EVERWARM_SHARED_DATA", raising=False)
    code = (
        "import sys; from everwarm.cli import main; status = main(sys.argv[1:])\n"
        "print(open('/proc/self/status').read(), file=sys.stderr); sys.exit(status)"
    )
    program = [sys.executable, "-c", code, "analyze", str(path), "--json", "--replay", "50", "--data", str(tmp_path)]
    ran = subprocess.run(program, capture_output=True, text=True, check=True, timeout=300)
    assert json.loads(ran.stdout)["total"]["calls"] == 1_100
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", ran.stderr)
    assert int(peak) < 400_000, "kilobytes"


def one(path: Path, body: dict[str, Any]) -> Path:
    path.write_text(json.dumps(body))
    return path


def test_explain_two_requests(run: Callable[..., Ran], tmp_path: Path) -> None:
    a, b = one(tmp_path / "a.json", asked(0)["request"]), one(tmp_path / "b.json", asked(25)["request"])
    ran = run("explain", a, b)
    assert ran.status == 0
    assert f"{b}:1: " in ran.out
    assert f"compared with {a}:1" in ran.out
    assert "system prompt changed: a clock" in ran.out
    assert "messages[0].content char 6-25" in ran.out
    assert "2026-11-26 10:00:00" in ran.out
    assert "2026-11-26 10:00:25" in ran.out
    assert " tokens lost" in ran.out
    hidden = run("explain", a, b, "--redact").out
    assert SENTINEL not in hidden
    assert "10:00:25" not in hidden
    assert "char 6-25" in hidden


def test_explain_one_of_a_log(run: Callable[..., Ran], log: Path) -> None:
    """The number is that of the line."""
    ran = run("explain", log, "--request", 4)
    assert ran.status == 0
    assert f"{log}:4: " in ran.out
    assert f"compared with {log}:3" in ran.out
    first = run("explain", log, "--request", 1).out
    assert "nothing like it was asked before" in first
    assert "Nothing was lost." in first


def test_explain_a_conversation_that_goes_on(run: Callable[..., Ran], tmp_path: Path) -> None:
    more = [*CHAT["messages"], {"role": "assistant", "content": "Hi"}, {"role": "user", "content": POLICY}]
    rows = [
        entry({**CHAT, "messages": [{"role": "system", "content": POLICY}, *messages]}, at)
        for at, messages in ((0.0, CHAT["messages"]), (5.0, more))
    ]
    ran = run("explain", written(tmp_path / "log.jsonl", rows), "--request", 2)
    assert "= " in ran.out
    assert "+ " in ran.out
    assert "new text" in ran.out


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["log.jsonl", "--request", "99"], "there is no request in line 99."),
        (["log.jsonl"], "there are 10 requests, not two. Name two files with one request each, or a log and --request"),
        (["a.json", "nowhere.json"], "there are 1 requests, not two."),
    ],
)
def test_explain_says_what_is_wrong(
    run: Callable[..., Ran], log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], why: str
) -> None:
    one(tmp_path / "a.json", CLAUDE)
    monkeypatch.chdir(tmp_path)
    ran = run("explain", *args)
    assert ran.status == 1
    assert why in ran.err
    assert ran.err.startswith("everwarm: ")


def test_explain_counts_what_is_the_same_in_many_blocks(run: Callable[..., Ran], tmp_path: Path) -> None:
    talk = [{"role": ("user", "assistant")[n % 2], "content": f"{n}: {POLICY[:200]}"} for n in range(21)]
    bodies = [{"model": "gpt-5-mini", "messages": talk[:length]} for length in (19, 21)]
    a, b = (one(tmp_path / name, body) for name, body in zip(("a.json", "b.json"), bodies, strict=True))
    out = run("explain", a, b).out
    assert "... and 18 more" in out
    assert out.count("\n+  ") == 2


def test_a_trace_beside_a_log(run: Callable[..., Ran], log: Path, tmp_path: Path) -> None:
    """Broken lines of a trace are counted as those of a log are."""
    rows: list[Any] = [
        {"timestamp": 1000 * n, "input_length": 1024, "output_length": 9, "hash_ids": [1, n % 2 + 2]} for n in range(20)
    ]
    trace = written(tmp_path / "trace.jsonl", [*rows, b"{broken", b"{too"])
    found = run("analyze", log, trace, "--json").json
    assert found["total"]["calls"] == 10
    assert (found["traces"][0]["requests"], found["traces"][0]["tokens"]) == (20, 20_480)
    assert found["sources"][1]["unread"] == 2
    out = run("analyze", trace)
    assert out.status == 0
    assert "20 requests, 20,480 tokens in blocks of 512" in " ".join(out.out.split())
