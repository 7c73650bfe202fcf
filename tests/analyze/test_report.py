"""The sums of a report: they add up to the token, whatever the log; and the order of its lines does not matter."""

from __future__ import annotations

import gzip
import random
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzed import START, analysed, entry, written
from everwarm.analyze.report import Flame, Report, Sums
from everwarm.analyze.showing.output import plain
from logged import json_lines

LONG: Final = "Rule {}: a ticket of class {} may be changed {} times, and never after it was used.\n"
TOOL: Final = {"type": "object", "properties": {"from": {"type": "string"}, "to": {"type": "string"}}}


@cache
def policy(number: int) -> str:
    """Some 1,500 tokens."""
    return f"You help with travel of kind {number}.\n" + "".join(LONG.format(n, n % 7, n * number) for n in range(70))


def turns(talk: int, length: int) -> list[dict[str, Any]]:
    """The beginning of a conversation."""
    said = [("user", f"I am {talk}. Question {n}?") if n % 2 == 0 else ("assistant", f"Answer {n}.") for n in range(9)]
    return [{"role": role, "content": text} for role, text in said[: 2 * length - 1]]


def body(model: str, system: str, tools: Sequence[str], messages: list[dict[str, Any]]) -> dict[str, Any]:
    """In the protocol of the model's provider; to Anthropic with one mark, at the end of the system prompt."""
    if model.startswith("claude"):
        defined = [{"name": name, "description": f"To {name}.", "input_schema": TOOL} for name in tools]
        part = {"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}
        return {"model": model, "max_tokens": 100, "tools": defined, "system": [part], "messages": messages}
    defined = [{"type": "function", "function": {"name": name, "parameters": TOOL}} for name in tools]
    first = {"role": "system", "content": system}
    return {"model": model, "tools": defined, "messages": [first, *messages]}


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Lines of a log: few applications, conversations and minutes, so that much is alike and some at one time."""
    found = []
    models = ["gpt-5-mini", "claude-sonnet-4-5", "llama-at-home"]
    for number in range(draw(st.integers(1, 9))):
        at = 200.0 * draw(st.integers(0, 9))
        clock = draw(st.sampled_from(["", f"It is 2026-11-26 10:{int(at) // 60 % 60:02}:07.\n"]))
        system = clock + policy(draw(st.integers(1, 2)))
        tools = draw(st.lists(st.sampled_from(["find", "book", "cancel"]), unique=True, max_size=3))
        model = draw(st.sampled_from(models))
        asked = body(model, system, tools, turns(draw(st.integers(1, 3)), draw(st.integers(1, 4))))
        others: dict[str, Any] = {"app": draw(st.sampled_from(["desk", "shop"])), "request_id": f"request-{number:04}"}
        prompt = draw(st.integers(0, 3_000))
        if draw(st.booleans()):
            read = draw(st.integers(0, prompt))
            counts = {"prompt_tokens": prompt, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": read}}
            others["response"] = {"id": f"answer {number}", "model": model, "choices": [], "usage": counts}
        found.append(entry(asked, at, **others))
    return found


def report_of(found: list[dict[str, Any]]) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        return analysed(written(Path(folder) / "log.jsonl", found))


@settings(deadline=None, max_examples=40)
@given(rows())
def test_everything_adds_up(found: list[dict[str, Any]]) -> None:
    report = report_of(found)
    groups = report.models, report.apps, report.days, report.streams
    for sums in (report.total, *(each for group in groups for each in group)):
        assert sums.read + sum(step.tokens for step in sums.steps) == sums.prompt
        assert all(step.tokens > 0 and step.calls <= sums.calls for step in sums.steps)
        assert sums.read <= sums.prompt
        assert sums.reported <= sums.calls
    for group in groups:
        check_sum(report.total, group)
    for moments in [report.timeline] if report.timeline else []:
        assert sum(moment.calls for moment in moments) == report.total.calls
        assert sum(moment.prompt for moment in moments) == report.total.prompt
        assert sum(moment.read for moment in moments) == report.total.read
        assert sum(moment.lost for moment in moments) == lost(report.total)
        assert sum(moment.expired for moment in moments) == tokens(report.total, "expired")
    for flame in every(report.flame):
        assert 0 <= flame.read + flame.lost <= flame.tokens * flame.calls
        assert sum(inner.calls for inner in flame.inside) <= flame.calls
    for worst in report.worst:
        assert worst.read + worst.lost <= worst.prompt
        assert sum(bar.tokens for bar in worst.bars) == worst.prompt
    check_repairs(report)


def check_sum(total: Sums, group: list[Sums]) -> None:
    for name in ("calls", "reported", "prompt", "read", "written", "output", "ideal", "rules"):
        assert sum(getattr(sums, name) for sums in group) == getattr(total, name), name
    lost = {(step.cause, step.what): (step.tokens, step.calls) for step in total.steps}
    for key, found in lost.items():
        steps = [step for sums in group for step in sums.steps if (step.cause, step.what) == key]
        assert (sum(step.tokens for step in steps), sum(step.calls for step in steps)) == found


def check_repairs(report: Report) -> None:
    """Before: what the rules give for the log as it was. That is what was read where nothing was reported."""
    for repair in report.repairs:
        assert repair.before_prompt == report.total.prompt
        assert repair.read <= repair.prompt
        if repair.name != "cache-key":
            assert repair.before_read == report.total.rules
        if not report.total.reported:
            assert repair.before_read == report.total.read
            assert repair.before_cost == pytest.approx(report.total.cost)


def lost(sums: Sums) -> int:
    return sum(step.tokens for step in sums.steps if step.cause not in ("new", "cold"))


def tokens(sums: Sums, cause: str) -> int:
    return sum(step.tokens for step in sums.steps if step.cause == cause)


def every(flames: list[Flame]) -> Iterator[Flame]:
    for flame in flames:
        yield flame
        yield from every(flame.inside)


@settings(deadline=None, max_examples=40)
@given(rows(), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(found: list[dict[str, Any]], chance: random.Random) -> None:
    other = chance.sample(found, len(found))
    assert comparable(report_of(other), other) == comparable(report_of(found), found)


def comparable(report: Report, lines: list[dict[str, Any]]) -> Any:
    """All that is in the JSON but the sources; calls are told by what was asked when, and not by the lines they are
    in."""
    value = plain(report)
    del value["sources"]
    return placed(value, lambda where: asked(lines[int(where.rsplit(":", 1)[1]) - 1]))


def asked(line: dict[str, Any]) -> tuple[Any, ...]:
    return line["timestamp"], line["app"], line["request"]


def placed(value: Any, number: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: number(each) if name == "where" and each else placed(each, number) for name, each in value.items()
        }
    return [placed(each, number) for each in value] if isinstance(value, list) else value


def test_nor_does_it_matter_over_which_files_they_are_spread(tmp_path: Path) -> None:
    """Plain, gzip, zstd; one after the other or mixed."""
    chance = random.Random(7)
    found = [
        entry(
            body("gpt-5-mini", policy(n % 2), ["find"], turns(n % 3, 1 + n // 12)),
            40.0 * n,
            app="desk",
            request_id=f"call {n}",
        )
        for n in range(48)
    ]
    packs = {"a.jsonl": bytes, "b.jsonl.gz": gzip.compress, "c.jsonl.zst": zstandard.ZstdCompressor().compress}
    parts: dict[str, list[int]] = {name: [] for name in packs}
    for n in chance.sample(range(len(found)), len(found)):
        parts[chance.choice(list(packs))].append(n)
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, pack in packs.items():
        (folder / name).write_bytes(pack(json_lines(*(found[n] for n in parts[name]))))
    spread = plain(analysed(folder))
    assert [(source["calls"], source["unread"]) for source in spread["sources"]] == [
        (len(row), 0) for row in parts.values()
    ]
    del spread["sources"]

    def line(where: str) -> tuple[Any, ...]:
        file, number = where.rsplit(":", 1)
        return asked(found[parts[Path(file).name][int(number) - 1]])

    assert placed(spread, line) == comparable(analysed(written(tmp_path / "whole.jsonl", found)), found)


def test_without_times_the_order_of_lines_is_that_of_the_calls(tmp_path: Path) -> None:
    found = [{"request": body("gpt-5-mini", policy(1), [], turns(1, n))} for n in (1, 2, 3)]
    report = analysed(written(tmp_path / "log.jsonl", found))
    backwards = analysed(written(tmp_path / "back.jsonl", reversed(found)))
    assert report.total.read == backwards.total.read > 0
    assert (report.days[0].name, report.timeline, report.began) == ("at an unknown time", [], None)
    assert any(note.startswith("Some calls have no time") for note in report.notes)
    assert tokens(report.total, "expired") == 0


@pytest.mark.parametrize("cached", [None, 0, 1024], ids=["not told", "none", "some"])
def test_a_log_in_which_nothing_was_ever_read_may_not_record_it(cached: int | None, tmp_path: Path) -> None:
    body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Where is my parcel? " * 500}]}
    told = {} if cached is None else {"prompt_tokens_details": {"cached_tokens": cached}}
    usage = {"prompt_tokens": 2500, "completion_tokens": 1, **told}
    rows = [{"timestamp": START + 60 * n, "request": body, "usage": usage} for n in range(2)]
    notes = analysed(written(tmp_path / "log.jsonl", rows)).notes
    assert any(note.startswith("No call says that anything was read") for note in notes) is not bool(cached)


def test_a_model_whose_rules_nobody_knows_is_named(tmp_path: Path) -> None:
    def notes(*models: str) -> list[str]:
        rows = [{"model": model, "messages": [{"role": "user", "content": "Hi"}]} for model in models]
        return [note for note in analysed(written(tmp_path / "log.jsonl", rows)).notes if note.startswith("No rules")]

    assert notes("gpt-5-mini") == []
    assert notes("acme-7b", "gpt-5-mini") == [
        "No rules are known of what serves acme-7b: its cache is taken to keep everything, to the token. A file in "
        "DATA/rules can tell of it (everwarm rules)."
    ]
    assert "acme-0, acme-1, acme-2 and 2 more:" in notes(*(f"acme-{n}" for n in range(5)))[0]
