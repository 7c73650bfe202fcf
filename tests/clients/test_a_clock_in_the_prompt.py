"""A stock program with the time at the top of its system prompt, unchanged: what it is told, what is repaired."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from statistics import mean
from typing import Any

import httpx
import pytest

from clients.clocked import PROGRAMS, QUESTIONS, Program, clocks, system
from clients.inside import inside, needs_model
from clients.turn import KEY, Place
from everwarm.core.layout.finding import Wishes
from gateway_upstreams import asks
from live import gateway
from providers import Provider

CLOCK = "char 14-33 is a clock; it makes"
DONE = "char 14-33 is a clock; it no longer makes"
FIXED = system(Wishes().reference.replace("{name}", "Current time"))
CACHEABLE = 380
"""Tokens of the prompt's fixed part, and fewer than all of them."""

REWRITE = '[layout]\nmode = "rewrite"\n'


def upstreams(fake: Provider) -> str:
    """The provider under both its dialects."""
    anthropic = asks(fake.anthropic_url, dialect="anthropic").replace('"u0"', '"a0"')
    return asks(fake.url) + anthropic


def block(time: str) -> str:
    """What tells the time at the end of a turn."""
    return Wishes().block.replace("{name}", "Current time").replace("{value}", time)


def system_of(body: dict[str, Any]) -> Any:
    return body["system"] if "system" in body else body["messages"][0]["content"]


def turns_of(body: dict[str, Any]) -> list[str]:
    """What the user's messages say, as text."""
    said = [m["content"] for m in body["messages"] if m["role"] == "user"]
    return [s if isinstance(s, str) else "\n".join(part["text"] for part in s) for s in said]


def findings(url: str) -> list[dict[str, Any]]:
    """What the caller is told of its own, the costliest first."""
    stats = httpx.get(f"{url}/stats", headers={"authorization": f"Bearer {KEY}"}).json()
    return list(stats["findings"])


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_advise_sends_the_programs_bytes_and_tells_the_clock(tmp_path: Path, fake: Provider, program: Program) -> None:
    program(Place(fake.anthropic_url), "gpt-x", clocks())
    direct = [asked.body for asked in fake.asked]
    fake.asked.clear()
    with gateway(tmp_path, toml=upstreams(fake), inside=False) as live:
        replies = program(Place(live.url), "gpt-x", clocks())
        (clock,) = findings(live.url)
    assert [asked.body for asked in fake.asked] == direct
    assert [CLOCK in reply.why for reply in replies] == [False, False, True, True, True], "two are needed to know it"
    counted = mean(reply.prompt for reply in replies[2:])
    assert clock["total"] == pytest.approx(counted, rel=0.05), "tokens are the provider's own: here they are words"
    assert 0.8 * counted < clock["lost"] < clock["total"]
    assert clock["counted"] == "calibrated"
    assert (clock["start"], clock["stop"], clock["kind"], clock["done"]) == (14, 33, "a clock", False)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_rewrite_sends_a_fixed_prompt_and_the_clock_at_the_end(
    tmp_path: Path, fake: Provider, program: Program
) -> None:
    clock = clocks()
    with gateway(tmp_path, toml=REWRITE + upstreams(fake), inside=False) as live:
        program(Place(live.url), "gpt-x", clock)
        fake.asked.clear()
        replies = program(Place(live.url), "gpt-x", clock)
    assert all(DONE in reply.why for reply in replies), replies
    sent = [asked.json for asked in fake.asked]
    assert [system_of(body) for body in sent] == [FIXED] * len(QUESTIONS)
    times = islice(clocks(), len(QUESTIONS), None)
    told = [f"{question}\n\n{block(time)}" for question, time in zip(QUESTIONS, times, strict=False)]
    for number, body in enumerate(sent, 1):
        assert turns_of(body) == told[:number], "what was sent once stays as it was"


@needs_model
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_the_model_inside_reads_from_its_cache_what_the_clock_kept_out(tmp_path: Path, program: Program) -> None:
    clock = clocks()
    with inside(tmp_path) as running:
        before = program(Place(running.url), "default", clock)
        (told,) = findings(running.url)
        running.file.write_text(running.file.read_text() + REWRITE)
        running.reload()
        after = program(Place(running.url), "default", clock)
        _, repaired = findings(running.url)
    assert all(CLOCK in reply.why for reply in before[2:]), before
    assert not told["done"]
    assert max(reply.cached for reply in before) < 40, "what stands before the clock, with the template's own words"
    assert all(DONE in reply.why for reply in after), after
    assert repaired["done"]
    assert all(reply.cached > reply.prompt * 0.75 for reply in after[1:]), after
    assert min(reply.cached for reply in after[1:]) > CACHEABLE
