"""In front of a provider over HTTP: byte for byte, stored, shared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_upstreams import asks
from live import CHAT, Live, gateway
from providers import Provider


@pytest.fixture
def live(tmp_path: Path, fake: Provider) -> Iterator[Live]:
    with gateway(tmp_path, toml=asks(fake.url), inside=False) as running:
        yield running


def test_the_upstream_gets_the_clients_bytes(live: Live, fake: Provider) -> None:
    body = (
        b'{ "model":"gpt-x","messages" : [{"role":"user","content":"h\\u00e9"}], "x_vendor": 1.0 , "temperature":0}\n'
    )
    answer = live.post(body, authorization="Bearer sk-a", openai_organization="org", traceparent="00-a-b-01")
    assert answer.status_code == 200
    (asked,) = fake.asked
    assert asked.body == body
    headers = {n.lower(): v for n, v in asked.headers}
    assert headers[b"authorization"] == b"Bearer sk-a"
    assert headers[b"openai-organization"] == b"org"
    assert headers[b"traceparent"] == b"00-a-b-01"
    assert asked.target == "/v1/chat/completions"


def test_a_miss_comes_back_byte_for_byte_and_a_hit_too(live: Live, fake: Provider) -> None:
    first, second = live.ask(model="gpt-x"), live.ask(model="gpt-x")
    assert first.headers["x-everwarm-cache"] == "miss"
    assert first.headers["x-everwarm-via"] == "upstream:u0"
    assert first.headers["x-request-id"]
    assert second.headers["x-everwarm-cache"] == "hit"
    assert second.content == first.content
    assert len(fake.asked) == 1
    assert "x-request-id" not in second.headers


def test_a_stream_comes_through_and_is_replayed(live: Live, fake: Provider) -> None:
    body = {"model": "gpt-x", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    with live.client.stream("POST", CHAT, json=body) as response:
        first = response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
    second = live.client.post(CHAT, json=body)
    assert second.headers["x-everwarm-cache"] == "hit"
    assert second.content == first
    assert len(fake.asked) == 1


def test_errors_come_through_and_are_not_stored(live: Live, fake: Provider) -> None:
    bad = live.client.post(CHAT, json={"model": "gpt-x", "messages": []})
    assert bad.status_code in (200, 400)
    if bad.status_code == 400:
        assert json.loads(bad.content)["error"]
