"""From records to calls: what transcripts hide is measured, what is not told is estimated, settings are told apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analyzed import START, analysed, entry, gathered, step, written
from everwarm.analyze.reading.gather import Gather
from everwarm.analyze.reading.record import Record
from everwarm.analyze.reading.settings import SettingsOf
from everwarm.core.analysis.block import Block
from everwarm.core.analysis.call import Line, Place
from everwarm.core.usage import Usage
from logged import CHAT

SIZE = 4_000


def block(text: str, role: str = "user") -> Block:
    text = text.ljust(SIZE, ".")
    return Block("messages", role, True, text, (), len(text))


def turn(number: int, model: str, keeps: int, *texts: str, prompt: int = 0, file: str = "s.jsonl") -> Record:
    """A call of a transcript whose agent sends something that is not in it."""
    usage = Usage(prompt, 0, 1) if prompt else None
    blocks = tuple(block(text) for text in texts)
    made = Record(Place(file, number), Line("anthropic", model), blocks=blocks, keeps=keeps, hides="agent 1.0")
    made.at, made.usage = START + number, usage
    return made


def test_what_is_hidden_is_what_the_straight_line_leaves(tmp_path: Path) -> None:
    """4,000 characters are 1,000 tokens, and each prompt has 5,000 tokens more than that."""
    gather = Gather()
    for n in range(4):
        gather.add(turn(n, "m", n, f"turn {n}", prompt=5_000 + 1_000 * (n + 1)))
    gather.add(turn(4, "m", 4, "turn 4"))
    calls = gather.finish()
    assert list(gather.hidden.values()) == [5_000]
    assert [call.tokens for call in calls] == [6_000, 7_000, 8_000, 9_000, 10_000]


def test_another_model_is_sent_something_else_and_all_of_it_anew() -> None:
    gather = Gather()
    gather.add(turn(0, "m", 0, "one", "two", prompt=3_000))
    gather.add(turn(1, "n", 2, "three", prompt=4_000))
    gather.add(turn(2, "m", 3, "four", prompt=5_000))
    rows = [gather.prompts.row(call.prompt) for call in gather.finish()]
    said = [[each.text.rstrip(".") for each in row[1:]] for row in rows]
    assert said == [["one", "two"], ["one", "two", "three"], ["one", "two", "three", "four"]]
    heads = [row[0].text for row in rows]
    assert heads[0] == heads[2] != heads[1]
    assert len(gather.hidden) == 2


def test_of_what_nobody_counted_nothing_is_known_to_be_hidden() -> None:
    gather = Gather()
    gather.add(turn(0, "m", 0, "one"))
    (call,) = gather.finish()
    assert list(gather.hidden.values()) == [0]
    assert call.tokens == SIZE // 4


def test_a_call_of_which_only_counts_are_known(tmp_path: Path) -> None:
    """It is in the sums; nothing can be said of its prompt."""
    row = {"timestamp": START, "model": "gpt-5-mini", "usage": {"prompt_tokens": 900, "completion_tokens": 5}}
    found = analysed(written(tmp_path / "log.jsonl", [row]))
    assert (found.total.calls, found.total.prompt, found.total.output) == (1, 900, 5)
    assert [(each.cause, each.tokens) for each in found.total.steps] == [("untold", 900)]
    assert [sums.name for sums in found.streams] == ["prompts that are not known"]


def test_tokens_are_estimated_by_those_that_were_reported(tmp_path: Path) -> None:
    """Of the same model: 2,000 characters are 1,000 tokens there."""
    body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "x" * 1_991}]}
    usage = {"prompt_tokens": 1_000, "completion_tokens": 1}
    other = {**body, "messages": [{"role": "user", "content": "y" * 3_991}]}
    logs = gathered(written(tmp_path / "log.jsonl", [entry(body, 0.0, usage=usage), entry(other, 1.0)]))
    assert [call.tokens for call in logs.gather.finish()] == [1_000, pytest.approx(2_000, abs=10)]


def test_calls_without_times_stand_where_they_were(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [entry(CHAT, 50.0), {"request": CHAT}, entry(CHAT, 10.0)]
    calls = gathered(written(tmp_path / "log.jsonl", rows)).gather.finish()
    assert [call.place.line for call in calls] == [3, 1, 2]


@pytest.mark.parametrize(
    ("body", "settings"),
    [
        ({"tool_choice": "auto", "temperature": 1}, {"tool_choice": "auto"}),
        ({"tool_choice": {"type": "any"}}, {"tool_choice": '{"type":"any"}'}),
        (
            {"reasoning": {"effort": "low"}, "text": {"verbosity": "high"}},
            {"reasoning_effort": "low", "verbosity": "high"},
        ),
        ({"reasoning": "low", "text": None}, {}),
        ({"response_format": {"type": "json_object"}}, {"text_format": '{"type":"json_object"}'}),
        ({"tools": [{"type": "web_search_20250305"}, 7]}, {"web_search": "on"}),
        ({"tools": [{"type": "function"}]}, {}),
        ({"tools": "none"}, {}),
    ],
)
def test_settings_on_which_caches_depend(body: dict[str, Any], settings: dict[str, str]) -> None:
    assert SettingsOf()(body) == settings


def test_a_setting_that_changed_is_the_cause(tmp_path: Path) -> None:
    talk = [{"role": "user", "content": "Tell me of the sea, and of all that lives in it. " * 200}]
    body = {"model": "claude-sonnet-4-5", "max_tokens": 9, "cache_control": {"type": "ephemeral"}, "messages": talk}
    rows = [entry({**body, "tool_choice": {"type": kind}}, 10.0 * n) for n, kind in enumerate(("auto", "any", "any"))]
    found = step(analysed(written(tmp_path / "log.jsonl", rows)), "settings_changed")
    assert found.calls == 1
    assert found.tokens > 2_000


def test_a_mark_that_moves_from_one_tool_to_another_is_no_change_of_either(tmp_path: Path) -> None:
    tools = [{"name": f"tool_{n}", "description": "Do this. " * 300, "input_schema": {}} for n in range(3)]
    rows = [
        {
            "model": "claude-sonnet-4-5",
            "max_tokens": 9,
            "tools": [
                {**tool, "cache_control": {"type": "ephemeral"}} if n in (at, 2) else tool
                for n, tool in enumerate(tools)
            ],
            "messages": [{"role": "user", "content": f"Question {at}?"}],
        }
        for at in (0, 1)
    ]
    found = analysed(written(tmp_path / "log.jsonl", [entry(row, 10.0 * n) for n, row in enumerate(rows)]))
    assert not [each for each in found.total.steps if each.cause.endswith("_changed")]
    assert found.total.read > 1_800
