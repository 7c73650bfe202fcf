"""Of a log with more in it than memory holds some conversations are taken: whole ones, and the same in any order."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from analyzed import entry, written
from everwarm.analyze.analysis import analyse
from everwarm.analyze.reading.log import Logs, read_all
from everwarm.analyze.reading.record import Record
from everwarm.analyze.reading.sampling import Sampling
from everwarm.analyze.report import Report
from everwarm.cli import main
from everwarm.core.analysis.call import Line, Place
from everwarm.rules import load

SYSTEM = "You are the help desk of an airline, and kind. " * 60
ROOM = 2_000_000
"""Bytes of memory, of which the logs here take some times as much."""


def _talk(n: int, turns: int = 4, **others: Any) -> list[dict[str, Any]]:
    """The calls of one conversation; in some the prompt has a clock."""
    rows, messages = [], list[dict[str, str]]()
    for turn in range(turns):
        at = 7.0 * n + 61 * turn
        system = f"It is {at:09.1f} s.\n{SYSTEM}" if n % 30 == 0 else SYSTEM
        messages.append({"role": "user", "content": f"Question {turn} of {n}: " + "why is that so? " * 20})
        body = {"model": "gpt-5-mini", "messages": [{"role": "system", "content": system}, *messages]}
        rows.append(entry(body, at, **others))
        messages.append({"role": "assistant", "content": f"That is so because of {n}. " * 10})
    return rows


def _rows(talks: int) -> list[dict[str, Any]]:
    rows = [row for n in range(talks) for row in _talk(n)]
    return sorted(rows, key=lambda row: row["timestamp"])


def _read(path: Path, most: float = ROOM) -> Logs:
    return read_all([str(path)], lambda _: None, most=most)


def _report(logs: Logs) -> Report:
    return analyse(logs, load().of, lambda what, done: None)


def _first(row: dict[str, Any]) -> str:
    return str(row["request"]["messages"][1]["content"])


def _taken(logs: Logs, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of which calls were gathered, in their order."""
    lines = {call.place.line for call in logs.gather.finish()}
    return [row for n, row in enumerate(rows, 1) if n in lines]


def test_whole_conversations_are_taken_and_each_sum_is_theirs(tmp_path: Path) -> None:
    rows = _rows(800)
    logs = _read(written(tmp_path / "all.jsonl", rows))
    assert logs.gather.sampling.one_in >= 4
    report = _report(logs)
    taken = _taken(_read(tmp_path / "all.jsonl"), rows)
    assert 0 < len(taken) < len(rows) / 2
    chosen = {_first(row) for row in taken}
    assert taken == [row for row in rows if _first(row) in chosen]
    alone = _report(_read(written(tmp_path / "some.jsonl", taken), most=float("inf")))
    assert alone.one_in == 1
    assert replace(report.total, steps=[]) == replace(alone.total, steps=[])
    assert [_of(step) for step in report.total.steps] == [_of(step) for step in alone.total.steps]
    assert report.repairs == alone.repairs
    assert report.answers == alone.answers


def _of(step: Any) -> Any:
    return replace(step, where="")  # the line is another one


def test_rates_are_those_of_all_but_for_chance(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", _rows(800))
    some, everything = _report(_read(path)), _report(_read(path, most=float("inf")))
    assert some.one_in > 1
    assert abs(some.total.rate - everything.total.rate) < 0.05
    assert some.total.steps[0].label == everything.total.steps[0].label


def test_the_same_ones_are_taken_in_any_order(tmp_path: Path) -> None:
    rows = _rows(800)
    path = written(tmp_path / "log.jsonl", rows)
    before = {_first(row) for row in _taken(_read(path), rows)}
    random.Random(3).shuffle(rows)
    after = {_first(row) for row in _taken(_read(written(path, rows)), rows)}
    assert before == after


def test_the_report_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "log.jsonl", _rows(800))
    assert main(["analyze", str(path), "--memory", "2", "--html", str(tmp_path / "page.html")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "The log has more in it than memory holds: of its 3,200 calls those of every" in said
    assert "th conversation), 20" in said
    page = (tmp_path / "page.html").read_text()
    assert "th conversation ·" in page
    assert "in these conversations, which span less than a day" in page
    main(["analyze", str(path), "--memory", "2", "--json"])
    assert orjson.loads(capsys.readouterr().out)["one_in"] > 1


def test_what_fits_is_taken_as_it_is(tmp_path: Path) -> None:
    report = _report(_read(written(tmp_path / "log.jsonl", _rows(20))))
    assert report.total.calls == 80
    assert report.one_in == 1
    assert not any("memory" in note for note in report.notes)


def _one_shots(count: int, begin: Sequence[dict[str, str]], **others: Any) -> Iterable[dict[str, Any]]:
    for n in range(count):
        body = {"model": "gpt-5-mini", "messages": [*begin, {"role": "user", "content": f"Text {n}: " + "word " * 40}]}
        yield entry(body, n, **others)


@pytest.mark.parametrize(
    ("begin", "others"),
    [
        ([{"role": "system", "content": SYSTEM}], {}),
        ([{"role": "user", "content": "An example."}, {"role": "assistant", "content": "Good."}], {}),
        ([{"role": "system", "content": SYSTEM}], {"session_id": "the service"}),
        ([{"role": "system", "content": SYSTEM}], {"user": "the service"}),
    ],
    ids=["a question alone", "examples before it", "one session for all", "one user for all"],
)
def test_of_calls_that_begin_alike_some_are_taken(
    tmp_path: Path, begin: list[dict[str, str]], others: dict[str, str]
) -> None:
    logs = _read(written(tmp_path / "log.jsonl", _one_shots(3000, begin, **others)))
    one_in, taken = logs.gather.sampling.one_in, len(logs.gather.keys)
    assert one_in > 1
    assert 0.6 < taken * one_in / 3000 < 1.5
    assert taken + logs.gather.passed == 3000


@pytest.mark.parametrize("timed", [True, False])
def test_of_the_same_call_again_and_again_some_are_taken(tmp_path: Path, timed: bool) -> None:
    body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Are you there?"}]}
    rows: list[dict[str, Any]] = [entry(body, n) if timed else body for n in range(3000)]
    logs = _read(written(tmp_path / "log.jsonl", rows), most=500_000)
    one_in, taken = logs.gather.sampling.one_in, len(logs.gather.keys)
    assert one_in > 1
    assert 0.6 < taken * one_in / 3000 < 1.5


def test_progress_begins_anew(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", _rows(800))
    told: list[int] = []
    read_all([str(path)], lambda _: None, told.append, ROOM)
    assert told
    assert told == sorted(set(told))
    assert told[0] == 2


def test_standard_input_is_read_until_there_is_no_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\n".join(map(orjson.dumps, _rows(800)))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    report = _report(read_all(["-"], lambda _: None, most=ROOM))
    assert 0 < report.total.calls < 3200
    assert any(note.startswith("There is more in it than memory holds: it was read until") for note in report.notes)


@pytest.mark.parametrize("said", ["0", "-5", "much", "1.5", ""])
def test_memory_is_a_number_of_megabytes(said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["analyze", "-", "--memory", said])
    assert "is no number of megabytes: 1 or more, as 2000" in capsys.readouterr().err


def test_of_one_conversation_what_comes_first_is_taken(tmp_path: Path) -> None:
    """As of one transcript, which is taken by the file."""
    told = {"type": "user", "message": {"role": "user", "content": "why is that so? " * 100}}
    answer = {
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [{"type": "text", "text": "So it is. " * 90}],
    }
    rows: list[dict[str, Any]] = []
    for n in range(1200):
        usage = {"input_tokens": 9, "cache_read_input_tokens": 900 * n, "output_tokens": 200}
        said = {"type": "assistant", "message": {**answer, "id": f"msg_{n:020}", "usage": usage}}
        for row in (told, said):
            at = f"2026-11-26T{n // 60:02}:{n % 60:02}:00Z"
            rows.append(
                {**row, "uuid": f"{len(rows)}", "timestamp": at, "sessionId": "s", "version": "2.1.197", "cwd": "/"}
            )
            rows[-1]["parentUuid"] = f"{len(rows) - 2}" if len(rows) > 1 else None
    logs = _read(written(tmp_path / "log.jsonl", rows), most=500_000)
    assert logs.sources[0].format == "Claude Code transcript"
    report = _report(logs)
    assert 0 < report.total.calls < 1200
    assert any(note.startswith("There is more in it than memory holds: it was read until") for note in report.notes)


def test_transcripts_are_taken_by_the_file() -> None:
    sampling = Sampling()
    one, two = (Record(Place(file, 1), Line(session="s"), blocks=()) for file in ("a.jsonl", "b.jsonl"))
    assert sampling.key(one) == sampling.key(replace(one, place=Place("a.jsonl", 9), line=Line(session="t")))
    assert sampling.key(one) != sampling.key(two)


def test_tenants_do_not_share_conversations() -> None:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}]}
    records = [Record(Place("a", n), Line(space=space), "openai_chat", body) for n, space in enumerate(("x", "y", "x"))]
    one, two, three = map(Sampling().key, records)
    assert one == three != two


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]},
        {"instructions": "Be kind.", "input": "Hi"},
        {"input": [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "Hi"}]},
        {"prompt": "Hi"},
        {"messages": []},
        {"messages": "?"},
        {"input": ["\ud800"]},
        {"input": "\ud800"},
    ],
)
def test_any_body_has_a_key(body: dict[str, Any]) -> None:
    record = Record(Place("a", 1), Line(), "openai_chat", body)
    assert Sampling().key(record) == Sampling().key(replace(record, place=Place("b", 7)))


def test_counts_alone_are_taken_each_by_itself() -> None:
    one, two = (Record(Place("a", 1), Line("openai", "gpt-5"), at=at) for at in (1.0, 2.0))
    assert Sampling().key(one) != Sampling().key(two)
