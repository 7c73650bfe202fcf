"""Each repair does what it says: what is replayed differs from the log in that alone, and what it takes is paid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from analyzed import analysed, entry, gathered, written
from everwarm.analyze.report import Repair, Report
from everwarm.analyze.sums import repairs as module
from everwarm.analyze.sums.repairs import Replays
from everwarm.analyze.sums.rewriting import Rewriting
from everwarm.core.analysis.bodies import Bodies
from everwarm.core.layout.arrange import Layout
from everwarm.core.layout.finding import Wishes
from everwarm.core.layout.notes import MemoryNotes
from everwarm.rules import load

POLICY: Final = "Answer in one sentence, and say the price of what was asked for. " * 120
"""Some 1,950 tokens."""


def claude(question: str, mark: str | None = "5m", system: str = POLICY) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "text", "text": system}
    if mark:
        part["cache_control"] = {"type": "ephemeral", "ttl": mark}
    messages = [{"role": "user", "content": question}]
    return {"model": "claude-sonnet-4-5", "max_tokens": 9, "system": [part], "messages": messages}


def chat(question: str, system: str = POLICY, **others: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    return {"model": "gpt-5-mini", "messages": messages, **others}


def reported(prompt: int, read: int) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": read}}


def report(tmp_path: Path, *rows: dict[str, Any]) -> Report:
    return analysed(written(tmp_path / "log.jsonl", rows))


def repairs(tmp_path: Path, *rows: dict[str, Any]) -> dict[str, Repair]:
    return {repair.name: repair for repair in report(tmp_path, *rows).repairs}


def test_a_longer_lifetime_reads_what_had_expired_and_pays_for_writing(tmp_path: Path) -> None:
    rows = [entry(claude(f"{n}?"), 1200.0 * n) for n in range(6)]
    found = repairs(tmp_path, *rows)["ttl"]
    assert (found.before_read, found.calls) == (0, 6)
    assert found.read > 5 * 1_800
    assert found.before_cost is not None
    assert found.cost is not None
    written = found.written
    assert 1_800 < written < 2_100, "once, for an hour"
    price = 3 / 1e6
    plain = found.prompt - found.read - written
    assert found.cost == pytest.approx(price * (plain + 2 * written + 0.1 * found.read))
    assert found.before_cost == pytest.approx(
        price * (found.prompt - found.before_written + 1.25 * found.before_written)
    )


def test_of_calls_without_bodies_all_entries_get_the_longer_lifetime(tmp_path: Path) -> None:
    """Where the marks are nobody knows; nothing in the calls is changed."""
    rows = [entry(claude(f"{n}?", mark=None), 1200.0 * n) for n in range(6)]
    logs = gathered(written(tmp_path / "log.jsonl", rows))
    calls = [replace(call, dialect="") for call in logs.gather.finish()]
    row = Replays(logs.gather, calls, load().of, lambda what, done: None).run(None)
    found = next(repair for repair in row if repair.name == "ttl")
    assert (found.before_read, found.calls) == (0, 6)
    assert found.read > 5 * 1_800


def test_where_nothing_expires_no_lifetime_is_named(tmp_path: Path) -> None:
    rows = [entry(claude(f"{n}?"), 10.0 * n) for n in range(4)]
    assert repairs(tmp_path, *rows).keys().isdisjoint({"ttl", "breakpoints", "layout", "wait", "cache-key"})


def test_keeping_alive_is_paid_ping_by_ping(tmp_path: Path) -> None:
    """Twenty minutes, asked for again each four and a half: four reads of all of it; after the last call an hour's."""
    rows = [entry(claude("0?"), 0.0), entry(claude("1?"), 1200.0)]
    found = repairs(tmp_path, *rows)["keep-alive"]
    assert found.read > 1_800
    assert found.cost is not None
    price, each = 3 / 1e6, found.prompt // 2
    base = price * (found.prompt - found.read - found.written + 1.25 * found.written + 0.1 * found.read)
    pings = 4 + 3600 // 270
    assert found.cost == pytest.approx(base + pings * price * 0.1 * each, rel=0.02)


def test_breakpoints_where_there_are_none(tmp_path: Path) -> None:
    rows = [entry(claude(f"{n}?", mark=None), 10.0 * n) for n in range(5)]
    found = repairs(tmp_path, *rows)["breakpoints"]
    assert (found.before_read, found.before_written) == (0, 0)
    assert found.read > 4 * 1_800
    assert found.calls == 5


def test_waiting_for_the_first_of_those_sent_together(tmp_path: Path) -> None:
    rows = [entry(claude(f"{n}?"), 0.1 * n, first_token_at=1_764_000_005.0) for n in range(4)]
    made = report(tmp_path, *rows)
    assert any(step.cause == "parallel" for step in made.total.steps)
    found = next(repair for repair in made.repairs if repair.name == "wait")
    assert found.before_read == 0
    assert found.read > 3 * 1_800


def test_layout_is_the_gateways(tmp_path: Path) -> None:
    rows = [entry(chat(f"{n}?", f"It is 2026-11-26 10:00:{n:02}.\n{POLICY}"), 10.0 * n) for n in range(20)]
    found = repairs(tmp_path, *rows)["layout"]
    assert found.before_read == 0
    assert found.read > 0.8 * found.prompt
    assert found.prompt > found.before_prompt, "what is moved is told anew"


def test_spelling_alone_is_tried_where_something_is_spelled_otherwise(tmp_path: Path) -> None:
    names = [f"tool_{n}" for n in range(12)]
    tools = [
        {"type": "function", "function": {"name": n, "description": POLICY[:600], "parameters": {}}} for n in names
    ]
    rows = [entry(chat(f"{n}?", tools=tools[n % 5 :] + tools[: n % 5]), 10.0 * n) for n in range(20)]
    found = repairs(tmp_path, *rows)
    assert found["spelling"].read > 0.8 * found["spelling"].prompt
    assert found["spelling"].before_read < 0.8 * found["spelling"].read
    assert "spelling" not in repairs(tmp_path, *(entry(chat(f"{n}?"), 10.0 * n) for n in range(4)))


CLOCK_AND_TOOLS = [
    entry(
        chat(
            f"{n}?",
            f"It is 2026-11-26 10:00:{n:02}.\n{POLICY}",
            tools=[{"type": "function", "function": {"name": name}} for name in ("abc", "bca", "cab")[n % 3]],
        ),
        10.0 * n,
    )
    for n in range(20)
]
"""Both change with each call."""


def test_spelling_is_the_layout_without_its_moves(tmp_path: Path) -> None:
    logs = gathered(written(tmp_path / "log.jsonl", CLOCK_AND_TOOLS))
    calls, prompts = logs.gather.finish(), logs.gather.prompts
    rewriting, bodies, layout = Rewriting(prompts), Bodies(prompts), Layout(MemoryNotes())
    kept = Wishes("rewrite", keep=("(?s).",), breakpoints=False)
    moved = 0
    for call, row in zip(calls, CLOCK_AND_TOOLS, strict=True):
        new, whole = rewriting.spelling(call, None), rewriting.layout(call, None)
        moved += whole is not new
        body = bodies.of(new.dialect, new.prompt, new.rest)
        assert body is not None
        data = orjson.dumps(row["request"])
        assert body.value == orjson.loads(layout.arrange("", "openai_chat", "gpt-5-mini", data, kept, 0.0).data)
        assert (new is call) == (body.value == row["request"])
    assert rewriting.respelled
    assert moved > 10


def test_what_was_replayed_before_is_not_run_again_and_comes_out_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [*CLOCK_AND_TOOLS, *(entry(claude(f"{n}?", mark=None), 100.0 * n) for n in range(6))]
    known = report(tmp_path, *rows).repairs
    assert {repair.name for repair in known} >= {"layout", "breakpoints", "all"}
    monkeypatch.setattr(module, "_RAN", 0)
    assert report(tmp_path, *rows).repairs == known


def test_all_together_is_told_if_it_is_better_than_each(tmp_path: Path) -> None:
    rows = [
        entry(claude(f"{n}?", mark=None, system=f"It is 2026-11-26 10:{n:02}:00.\n{POLICY}"), 10.0 * n)
        for n in range(20)
    ]
    made = report(tmp_path, *rows)
    best = made.repairs[0]
    assert best.name == "all"
    assert best.label == "together: breakpoints, layout"
    assert all(best.read > other.read for other in made.repairs[1:])


def test_a_cache_key_can_matter_only_where_a_provider_did_not_read_what_its_rules_promise(tmp_path: Path) -> None:
    def rows(*reads: int) -> list[dict[str, Any]]:
        return [entry(chat("Same?"), 10.0 * n, usage=reported(2_000, read)) for n, read in enumerate(reads)]

    found = repairs(tmp_path, *rows(0, 1_920, 0, 0, 1_920))["cache-key"]
    assert (found.before_read, found.calls) == (3_840, 5)
    assert found.read == 4 * 1_920
    assert found.note
    assert "cache-key" not in repairs(tmp_path, *rows(0, 1_920, 1_920))
    assert "cache-key" not in repairs(tmp_path, *rows(0, 1_920, 0), entry(chat("Other?"), 90.0)), "of one nobody knows"


def test_without_prices_tokens_decide(tmp_path: Path) -> None:
    rows = [
        entry({**chat(f"{n}?", f"It is 2026-11-26 10:00:{n:02}.\n{POLICY}"), "model": "house-7"}, 10.0 * n)
        for n in range(20)
    ]
    (found,) = report(tmp_path, *rows).repairs
    assert (found.name, found.cost, found.before_cost) == ("layout", None, None)
    assert found.read > found.before_read
