"""What answers of upstreams teach about tokens: how many prompts have that were never sent."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from arranging import Plain, arranged
from everwarm.core.key import PUBLIC
from everwarm.core.layout.finding import Arranged
from everwarm.counting.counter import Count
from everwarm.gateway.house import House
from everwarm.store.notes import DiskNotes
from everwarm.store.protocol import Faults
from gateway_upstreams import asks
from live import CHAT, Live, gateway
from providers import Provider, provider

MODEL = "claude-x"
REWRITE = '[layout]\nmode = "rewrite"\n'
WORDS = "word " * 200


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with provider() as openai, gateway(tmp_path, toml=asks(openai.url), inside=False) as running:
        yield running


def learned(house: House, answers: int, space: str = PUBLIC.id, model: str = MODEL) -> Count:
    """What 5,000 characters are held for. It is learned when the client has its answer already, so it is waited for."""
    until = time.monotonic() + 10
    while (count := house.counter.tokens_of(space, model, 5000)).answers != answers:
        assert time.monotonic() < until, count.how
        time.sleep(0.01)
    time.sleep(0.1)
    assert house.counter.tokens_of(space, model, 5000) == count, "and nothing more"
    return count


def test_misses_teach_and_hits_do_not(live: Live) -> None:
    for text in ("a", "b", "c", "a", "b", "c", "d"):
        live.ask(text + WORDS, model=MODEL).raise_for_status()
    count = learned(live.house, 4)
    assert count.tokens == pytest.approx(1000, rel=0.1), "this provider's tokens are words"


def test_streams_that_say_what_they_took_teach_too(live: Live) -> None:
    counted = {"stream": True, "stream_options": {"include_usage": True}}
    body = {"model": MODEL, "messages": [{"role": "user", "content": WORDS}], **counted}
    with live.client.stream("POST", CHAT, json=body) as response:
        response.read()
    assert learned(live.house, 1).tokens < 1316, "the prior is more"


def test_large_prompts_teach_too_and_once(live: Live) -> None:
    for how in ("miss", "hit"):
        assert live.ask("word " * 100_000, model=MODEL).headers["x-everwarm-cache"] == how
    assert learned(live.house, 1).tokens == pytest.approx(1000, rel=0.1)


def test_tools_count_as_what_is_read(live: Live) -> None:
    function = {"name": "f", "description": WORDS, "parameters": {"type": "object", "properties": {"x": {}}}}
    tools = [{"type": "function", "function": function}]
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns: list[dict[str, Any]] = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": WORDS},
    ]
    live.ask(model=MODEL, messages=turns, tools=tools).raise_for_status()
    assert learned(live.house, 1).tokens == pytest.approx(1000, rel=0.3), "2,000 if the tool were left out"


PICTURE = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}, {"type": "text", "text": "?"}]


@pytest.mark.parametrize("content", [PICTURE, [{"type": "text", "text": 7}], 7], ids=["image", "wrong text", "number"])
def test_what_is_not_understood_teaches_nothing(live: Live, content: Any) -> None:
    live.ask(model=MODEL, messages=[{"role": "user", "content": content}])
    live.ask(WORDS, model=MODEL).raise_for_status()
    learned(live.house, 1)


def calibrations(folder: Path, sql: str) -> list[Any]:
    """Of the notes on disk, while no gateway runs."""
    with closing(sqlite3.connect(folder / "layout.db", isolation_level=None)) as connection:
        return connection.execute(f"{sql} WHERE kind = 'calibration'").fetchall()


def test_what_was_learned_outlives_a_restart_and_damage_costs_only_that(tmp_path: Path, fake: Provider) -> None:
    toml = asks(fake.url)
    with gateway(tmp_path, toml=toml, inside=False) as running:
        for number in range(4):
            running.ask(f"{number}" + WORDS, model=MODEL).raise_for_status()
        before = learned(running.house, 4)
    with gateway(tmp_path, toml=toml, inside=False) as running:
        assert running.house.counter.tokens_of(PUBLIC.id, MODEL, 5000) == before
    assert calibrations(tmp_path, "SELECT name FROM notes") == [(MODEL.encode(),)]
    calibrations(tmp_path, "UPDATE notes SET value = CAST(replace(value, ':4', ':5') AS BLOB)")
    with gateway(tmp_path, toml=toml, inside=False) as running:
        assert running.house.counter.tokens_of(PUBLIC.id, MODEL, 5000).answers == 0
        notes = running.house.counter._notes
        assert isinstance(notes, DiskNotes)
        assert notes.faults() == Faults(corrupt=1, unreadable=0, unwritten=0)
        running.ask("hi", model="gpt-x").raise_for_status()
    assert calibrations(tmp_path, "SELECT name FROM notes") == [(b"gpt-x",)]


def test_a_caller_may_have_it_forgotten(live: Live) -> None:
    who = {"authorization": "Bearer sk-a"}
    live.ask(WORDS, model=MODEL, headers=who).raise_for_status()
    live.ask(WORDS, model=MODEL).raise_for_status()
    learned(live.house, 1)
    mine = next(space for space, _ in live.house.counter._models if space != PUBLIC.id)
    live.client.delete("/v1/cache/layout", headers=who).raise_for_status()
    learned(live.house, 0, mine)
    learned(live.house, 1)


def test_what_was_sent_is_what_teaches(tmp_path: Path, fake: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """In mode rewrite a prompt may go out longer than it came, and so it is counted by who reads it."""
    longer = lambda _, *asked: Arranged(asked[3].replace(b"NOW", 10 * WORDS.encode()))  # noqa: E731
    monkeypatch.setattr(Plain, "arrange", longer)
    with gateway(tmp_path, toml=REWRITE + asks(fake.url), inside=False) as running, arranged(running):
        running.ask("NOW", model=MODEL).raise_for_status()
        assert learned(running.house, 1).tokens == pytest.approx(1000, rel=0.1)


def test_what_may_not_rest_teaches_nothing(live: Live) -> None:
    live.ask(WORDS, model=MODEL, headers={"cache-control": "no-store"}).raise_for_status()
    live.ask(WORDS, model=MODEL).raise_for_status()
    learned(live.house, 1)


def test_with_the_layout_engine_off_nothing_is_learned(tmp_path: Path) -> None:
    toml = f'[models."{MODEL}"]\nlayout = "off"\n'
    with provider() as fake, gateway(tmp_path, toml=toml + asks(fake.url), inside=False) as running:
        running.ask(WORDS, model=MODEL).raise_for_status()
        running.ask(WORDS, model="another").raise_for_status()
        learned(running.house, 1, model="another")
        learned(running.house, 0)


def test_each_namespace_learns_from_its_own(live: Live) -> None:
    live.ask(WORDS, model=MODEL, headers={"authorization": "Bearer sk-a"}).raise_for_status()
    live.ask(WORDS, model=MODEL).raise_for_status()
    learned(live.house, 1)
    assert len(live.house.counter._models) == 2


def test_the_model_inside_teaches_too(tmp_path: Path) -> None:
    with gateway(tmp_path) as inside:
        (card,) = inside.upstream.models()
        inside.ask(WORDS).raise_for_status()
        inside.ask("and another").raise_for_status()
        learned(inside.house, 2, model=card.id)


def test_messages_of_anthropic_teach_with_what_was_written_to_the_cache(tmp_path: Path) -> None:
    system = [{"type": "text", "text": 20 * WORDS, "cache_control": {"type": "ephemeral"}}]
    body = {"model": MODEL, "max_tokens": 9, "system": system, "messages": [{"role": "user", "content": WORDS}]}
    with (
        provider() as fake,
        gateway(tmp_path, toml=asks(fake.anthropic_url, dialect="anthropic"), inside=False) as running,
    ):
        running.client.post("/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"}).raise_for_status()
        assert learned(running.house, 1).tokens == pytest.approx(1000, rel=0.15)
