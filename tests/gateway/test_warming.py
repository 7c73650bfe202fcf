"""Warming in mode rewrite: what is computed ahead is what requests are sent as, whatever in them changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from arranging import arranged
from everwarm.core.layout.notes import MemoryNotes
from live import Live, gateway

WARM = "/v1/cache/prefixes/warm"
REWRITE = '[layout]\nmode = "rewrite"\n'
RULES = "\n".join(f"{n}. Questions about {what} are answered in one sentence." for n, what in enumerate("abcdef"))
TIMES = [f"2026-03-02 09:{minute:02}:{7 * minute % 60:02}" for minute in range(5, 25)]
PATHS = {"chat": "/v1/chat/completions", "anthropic": "/v1/messages", "responses": "/v1/responses"}


def prompt(protocol: str, time: str, text: str = "Current time: {}\n" + RULES) -> dict[str, Any]:
    """A body up to its system prompt, in which the time stands first."""
    said = text.format(time)
    if protocol == "chat":
        return {"model": "default", "messages": [{"role": "system", "content": said}]}
    return {"model": "default", "system" if protocol == "anthropic" else "instructions": said}


@pytest.fixture
def live(tiny: Any, tmp_path: Path) -> Iterator[Live]:
    with gateway(tmp_path, tiny, REWRITE) as running:
        yield running


def warm(live: Live, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = live.client.post(WARM, json=body, headers=named)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def ask(live: Live, protocol: str, time: str, question: str) -> int:
    """Tokens of the prompt that were not computed."""
    body = prompt(protocol, time)
    place = "input" if protocol == "responses" else "messages"
    body[place] = [*body.get(place, ()), {"role": "user", "content": question}]
    body["max_output_tokens" if protocol == "responses" else "max_tokens"] = 1
    answer = live.client.post(PATHS[protocol], json=body, headers={"anthropic-version": "2023-06-01"})
    assert answer.status_code == 200, answer.text
    usage = answer.json()["usage"]
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or {}
    return int(details.get("cached_tokens", usage.get("cache_read_input_tokens")))


@pytest.mark.parametrize("protocol", PATHS)
def test_what_is_warmed_is_what_later_requests_send(live: Live, protocol: str) -> None:
    for time in TIMES[:2]:
        ask(live, protocol, time, "What is it?")  # they go out as they came: it takes two to know what changes
    made = warm(live, prompt(protocol, TIMES[2]))
    assert made["rewritten"]
    assert made["cached"] < 40 < made["computed"], "nobody has sent it in this form before"
    assert made["tokens"] > len(RULES)
    for time in TIMES[3:5]:
        assert ask(live, protocol, time, f"And at {time}?") >= made["tokens"]


def test_after_a_restart_it_is_warmed_before_anybody_asks(engine_in: Any, tmp_path: Path) -> None:
    with gateway(tmp_path, engine_in("fast"), REWRITE) as live:
        for time in TIMES[:3]:
            ask(live, "chat", time, "What is it?")
    with gateway(tmp_path, engine_in("fast"), REWRITE) as live:
        made = warm(live, prompt("chat", TIMES[3]))
        assert (made["rewritten"], made["cached"]) == (True, 0), "a new engine, and what was learned is noted"
        assert ask(live, "chat", TIMES[4], "And now?") >= made["tokens"] > len(RULES)


def test_a_conversation_is_warmed_with_what_was_told_in_its_turns(live: Live) -> None:
    talk: list[dict[str, Any]] = []
    for number, time in enumerate(TIMES[:5]):
        talk.append({"role": "user", "content": f"Question {number}"})
        body = prompt("chat", time)
        sent = live.client.post(PATHS["chat"], json={**body, "messages": [*body["messages"], *talk], "max_tokens": 1})
        talk.append({"role": "assistant", "content": sent.json()["choices"][0]["message"]["content"] or "-"})
    body = prompt("chat", TIMES[5])
    made = warm(live, {**body, "messages": [*body["messages"], *talk]})
    assert made["rewritten"]
    assert made["computed"] < 40, "all but the last answer was sent in this form"


def test_in_advise_it_is_warmed_as_it_is_written(tiny: Any, tmp_path: Path) -> None:
    with gateway(tmp_path, tiny) as live, arranged(live) as engines:
        made = warm(live, prompt("chat", "NOW"))
        assert not made["rewritten"]
        assert engines.seen == []


@pytest.mark.parametrize("fails", [False, True])
def test_if_the_layout_engine_fails_it_is_warmed_as_it_is_written(live: Live, fails: bool) -> None:
    with arranged(live) as engines:
        engines.made[0].fails = fails
        made = warm(live, prompt("chat", "NOW"))
        assert made["rewritten"] is not fails
        assert made["computed"] > len(RULES)
        assert engines.modes == ["rewrite"]


def test_what_may_not_rest_leaves_no_note(live: Live) -> None:
    notes = MemoryNotes()
    with arranged(live, notes) as engines:
        warm(live, prompt("chat", "NOW"), cache_control="no-store")
        assert [len(engine.threads) for engine in engines.made] == [0, 1]
        assert not notes.all("public", "turn")


@pytest.mark.parametrize("wrong", [{"messages": "NOW"}, {"messages": [{"role": "system", "content": 7}]}, {"model": 7}])
def test_what_is_wrong_is_said_and_not_arranged(live: Live, wrong: dict[str, Any]) -> None:
    with arranged(live) as engines:
        assert live.client.post(WARM, json={"model": "default", **wrong}).status_code == 400
        assert engines.seen == []


def test_a_key_that_stands_twice_is_not_arranged(live: Live) -> None:
    body = b'{"model": "default", "messages": [], "messages": [{"role": "system", "content": "NOW%b"}]}'
    with arranged(live) as engines:
        answer = live.client.post(WARM, content=body % (b"x" * 99), headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["rewritten"]) == (200, False)
        assert engines.seen == []
