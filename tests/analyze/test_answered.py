"""What a cache of answers would have answered, by how long it keeps them; and what is nearly the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analyzed import analysed, entry, written
from everwarm.analyze.report import Report

LONG = "Please tell me which flights go from Berlin to Naples on this day of the week, and what they cost. "


def chat(question: str, **others: Any) -> dict[str, Any]:
    return {"model": "gpt-5-mini", "messages": [{"role": "user", "content": question}], **others}


def report(tmp_path: Path, *calls: tuple[dict[str, Any], float]) -> Report:
    rows = (entry(body, at, request_id=f"request-{n:04}") for n, (body, at) in enumerate(calls))
    return analysed(written(tmp_path / "log.jsonl", rows))


@pytest.mark.parametrize(
    ("wait", "answered"),
    [(299, [1, 1, 1, 1]), (300, [0, 1, 1, 1]), (3_600, [0, 0, 1, 1]), (86_400, [0, 0, 0, 1]), (604_800, [0, 0, 0, 0])],
)
def test_each_lifetime_ends_to_the_second(tmp_path: Path, wait: float, answered: list[int]) -> None:
    found = report(tmp_path, (chat("Hi"), 0.0), (chat("Hi"), float(wait)))
    assert [row.calls for row in found.answers] == answered
    tokens = found.total.prompt // 2
    assert [row.tokens for row in found.answers] == [tokens * calls for calls in answered]
    assert [bool(row.cost) for row in found.answers] == [bool(calls) for calls in answered]


def test_an_answer_lives_from_when_it_was_stored_and_not_from_its_last_use(tmp_path: Path) -> None:
    found = report(tmp_path, *((chat("Hi"), 200.0 * n) for n in range(4)))
    assert found.answers[0].calls == 2, "0 stores, 200 reads, 400 stores, 600 reads"


def test_another_setting_or_model_or_tenant_is_another_question(tmp_path: Path) -> None:
    others = (chat("Hi"), chat("Hi", temperature=0.5), chat("Hi", model="gpt-5"))
    assert [row.calls for row in report(tmp_path, *((body, 1.0 * n) for n, body in enumerate(others))).answers] == [
        0
    ] * 4
    tenants = [entry(chat("Hi"), 1.0 * n, tenant=f"tenant {n}") for n in range(2)]
    assert analysed(written(tmp_path / "t.jsonl", tenants)).answers[0].calls == 0


def test_near_is_what_differs_in_a_few_characters_of_the_last_message(tmp_path: Path) -> None:
    assert report(tmp_path, (chat(LONG + "A"), 0.0), (chat(LONG + "B"), 1.0)).near == 1
    assert report(tmp_path, (chat(LONG), 0.0), (chat("No."), 1.0)).near == 0
    assert report(tmp_path, (chat(LONG + "A"), 0.0), (chat(LONG + "B", temperature=0.1), 1.0)).near == 0
    assert report(tmp_path, (chat(LONG), 0.0), (chat(LONG), 1.0)).near == 0, "the same is not nearly the same"


def test_near_is_also_what_differs_before_the_question(tmp_path: Path) -> None:
    def clocked(hour: int, question: str) -> dict[str, Any]:
        system = {"role": "system", "content": f"It is {hour:02}:00. " + "You answer questions on trains. " * 40}
        return {"model": "gpt-5-mini", "messages": [system, {"role": "user", "content": question}]}

    assert report(tmp_path, *((clocked(n, LONG), 100.0 * n) for n in range(1, 4))).near == 2
    assert report(tmp_path, (clocked(1, LONG), 0.0), (clocked(2, "Where are you?"), 1.0)).near == 0
    grown = clocked(2, LONG)
    grown["messages"] += [{"role": "assistant", "content": "Two."}, {"role": "user", "content": LONG}]
    assert report(tmp_path, (clocked(1, LONG), 0.0), (grown, 1.0)).near == 0, "it asks more"
    hotter = clocked(2, LONG) | {"temperature": 1}
    assert report(tmp_path, (clocked(1, LONG), 0.0), (hotter, 1.0)).near == 0


def test_tools_in_another_order_are_nearly_the_same(tmp_path: Path) -> None:
    tools = [{"type": "function", "function": {"name": name, "description": LONG}} for name in ("book", "find")]
    bodies = (chat(LONG, tools=tools), chat(LONG, tools=tools[::-1]))
    assert report(tmp_path, *((body, 1.0 * n) for n, body in enumerate(bodies))).near == 1


def test_without_prices_there_is_no_money(tmp_path: Path) -> None:
    found = report(tmp_path, (chat("Hi", model="house-7"), 0.0), (chat("Hi", model="house-7"), 1.0))
    assert [(row.calls, row.cost) for row in found.answers] == [(1, None)] * 4


def test_without_times_nothing_is_said(tmp_path: Path) -> None:
    found = analysed(written(tmp_path / "log.jsonl", [{"request": chat(LONG + n)} for n in "ab"]))
    assert [row.calls for row in found.answers] == [0] * 4
    assert found.near == 0
