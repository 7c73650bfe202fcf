"""What belongs together has a name; of what belongs to nothing there may be a million."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analyzed import analysed, entry, written
from everwarm.analyze.report import Report
from everwarm.analyze.sums import streams


def _named(report: Report) -> dict[str, int]:
    return {sums.name: sums.calls for sums in report.streams}


def _body(question: str, system: str = "") -> dict[str, Any]:
    head = [{"role": "system", "content": system}] if system else []
    return {"model": "gpt-5-mini", "messages": [*head, {"role": "user", "content": question}]}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST", 3)


@pytest.mark.usefixtures("few")
def test_questions_without_a_system_prompt_take_no_name_from_others(tmp_path: Path) -> None:
    rows = [entry(_body(f"{n} is what?"), n) for n in range(6)]
    rows += [entry(_body("Hello", f"You are helper {n}."), 10 + n) for n in range(5)]
    rows.append(entry(_body("Hello again", "You are helper 0."), 20))
    named = _named(analysed(written(tmp_path / "log.jsonl", rows)))
    assert named == {
        **{f"{n} is what?": 1 for n in range(3)},
        "others without a system prompt": 3,
        "You are helper 0.": 2,
        **{f"You are helper {n}.": 1 for n in (1, 2)},
        "others": 2,
    }


def test_counts_without_prompts_are_one(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 2000, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 1024}}
    rows = [{"timestamp": n, "model": "gpt-5-mini", "usage": usage} for n in range(1_764_000_000, 1_764_000_030)]
    report = analysed(written(tmp_path / "log.jsonl", rows))
    assert _named(report) == {"prompts that are not known": 30}
    assert report.notes[0] == (
        "Of the calls the log has counts and no prompt: it tells what was read, and not why the rest was not."
    )
    assert not any("transcripts" in note for note in report.notes)


def test_of_some_calls_there_are_counts_only(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 2000, "completion_tokens": 9}
    rows = [entry(_body("Hello", "Be kind."), 1), {"timestamp": 1_764_000_030, "model": "gpt-5-mini", "usage": usage}]
    notes = analysed(written(tmp_path / "log.jsonl", rows)).notes
    assert any(note.startswith("Of 1 call the log has counts and no prompt") for note in notes)
