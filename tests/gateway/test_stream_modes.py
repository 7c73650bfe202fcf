"""A stream's own mode, from a settings file to the bytes that an upstream gets."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from everwarm.core.layout.finding import Mode
from everwarm.gateway.reload import take_up
from gateway_upstreams import asks
from live import Live, gateway, settings_of
from providers import Provider

RULES = "You are the assistant of an airline. Answer in short and friendly sentences, and never guess. " * 6


def asked(n: int) -> bytes:
    """Each with another clock, in a conversation of its own."""
    system = f"{RULES}\nCurrent time: 2026-11-20 10:{n:02}:{n * 7 % 60:02}\n{RULES}"
    talk = [{"role": "system", "content": system}, {"role": "user", "content": f"Question {n}"}]
    return orjson.dumps({"model": "gpt-x", "messages": talk})


def taught(live: Live) -> str:
    """The id of the stream, as ``everwarm layout`` lists it, once its clock is known."""
    for n in range(5):
        assert live.post(asked(n)).status_code == 200
    assert live.house.ledger is not None
    (only,) = live.house.ledger.streams()
    return only.stream


def own(stream: str, mode: Mode, usual: str = "") -> str:
    return f'{usual}[layout.streams.{stream}]\nmode = "{mode}"\n'


def test_it_is_taken_up_by_a_reload_and_is_the_same_after_a_restart(tmp_path: Path, fake: Provider) -> None:
    with gateway(tmp_path, toml=asks(fake.url), inside=False) as live:
        stream = taught(live)
        toml = own(stream, "rewrite") + asks(fake.url)
        told = take_up(live.house, settings_of(live.house.config.data, toml))
        assert told == ([f"layout.streams.{stream}"], [])
        why = live.post(asked(20)).headers["x-everwarm-why"]
        assert "is a clock; it no longer makes" in why
    with gateway(tmp_path, toml=toml, inside=False) as live:
        live.post(asked(21))
    assert fake.asked[4].body == asked(4)
    for request in fake.asked[5:]:
        system, user = request.json["messages"]
        assert "(see <context name=" in system["content"]
        assert "2026-11-20 10:2" in user["content"]


@pytest.mark.parametrize("usual", ["", '[models."gpt-x"]\nlayout = "rewrite"\n'], ids=["of all", "of the model"])
def test_off_leaves_its_requests_as_they_came(tmp_path: Path, fake: Provider, usual: str) -> None:
    usual = usual or '[layout]\nmode = "rewrite"\n'
    with gateway(tmp_path, toml=asks(fake.url), inside=False) as live:
        stream = taught(live)
    with gateway(tmp_path, toml=own(stream, "off", usual) + asks(fake.url), inside=False) as live:
        assert "clock" not in live.post(asked(20)).headers["x-everwarm-why"]
        assert live.house.ledger is not None
        assert [(one.stream, one.requests) for one in live.house.ledger.streams()] == [(stream, 6)], "it is known"
    assert fake.asked[-1].body == asked(20)


@pytest.mark.parametrize("layout", ["off", "advise"])
def test_it_counts_before_its_upstreams_unless_that_is_off(tmp_path: Path, fake: Provider, layout: str) -> None:
    with gateway(tmp_path, toml=asks(fake.url), inside=False) as live:
        stream = taught(live)
    toml = own(stream, "rewrite") + asks(fake.url, more=f'layout = "{layout}"')
    with gateway(tmp_path, toml=toml, inside=False) as live:
        live.post(asked(20))
    assert (fake.asked[-1].body == asked(20)) == (layout == "off")
