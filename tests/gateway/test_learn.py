"""What answers of upstreams teach about tokens: how many prompts have that were never sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from everwarm.core.key import PUBLIC
from everwarm.counting.counter import Count
from everwarm.gateway.house import House
from gateway_upstreams import asks
from live import CHAT, Live, gateway
from providers import provider

MODEL = "claude-x"
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
