"""Each protocol, from a client's bytes to its answer: the model inside and a provider behind, cold and warm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_upstreams import asks
from live import Live, gateway
from providers import Provider

ASK = "What is a cache?"
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": ASK}]},
    "/v1/responses": {"input": ASK},
    "/v1/messages": {"max_tokens": 100, "messages": [{"role": "user", "content": ASK}]},
}
HEADERS = {"authorization": "Bearer sk-a", "anthropic-version": "2023-06-01", "x-api-key": "sk-a"}
COUNTED = {"/v1/chat/completions": {"stream_options": {"include_usage": True}}}
paths = pytest.mark.parametrize("path", BODIES)


@pytest.fixture(params=["inside", "behind"])
def live(request: pytest.FixtureRequest, tmp_path: Path, fake: Provider) -> Iterator[Live]:
    """A gateway with a model inside, and one with providers behind."""
    if request.param == "inside":
        with gateway(tmp_path) as running:
            yield running
        return
    toml = asks(fake.url) + asks(fake.anthropic_url, dialect="anthropic").replace('"u0"', '"a0"')
    with gateway(tmp_path, toml=toml, inside=False) as running:
        yield running


def sent(live: Live, path: str, **more: Any) -> httpx.Response:
    headers = HEADERS if path == "/v1/messages" else {"authorization": "Bearer sk-a"}
    return live.client.post(path, json={"model": "default", **BODIES[path], **more}, headers=headers)


def calls(live: Live, fake: Provider) -> int:
    return len(fake.asked) + len(live.upstream.asked)


@paths
def test_asked_twice_it_is_computed_once(live: Live, fake: Provider, path: str) -> None:
    first, second = sent(live, path), sent(live, path)
    assert first.status_code == 200, first.text
    assert first.headers["x-everwarm-cache"] == "miss"
    assert second.headers["x-everwarm-cache"] == "hit"
    assert second.content == first.content
    assert second.headers["x-everwarm-saved"].startswith("prompt=")
    assert calls(live, fake) == 1


@paths
def test_a_stream_is_replayed_as_it_was(live: Live, fake: Provider, path: str) -> None:
    more = {"stream": True, **COUNTED.get(path, {})}
    first, second = sent(live, path, **more), sent(live, path, **more)
    assert first.headers["content-type"].startswith("text/event-stream")
    assert second.headers["x-everwarm-cache"] == "hit"
    assert second.content == first.content
    assert calls(live, fake) == 1


@paths
def test_one_entry_serves_both_forms(live: Live, fake: Provider, path: str) -> None:
    streamed = sent(live, path, stream=True, **COUNTED.get(path, {}))
    whole = sent(live, path)
    assert streamed.status_code == whole.status_code == 200
    assert whole.headers["x-everwarm-cache"] == "hit"
    assert whole.json()["usage"]
    again = sent(live, path, seed=1)  # another question, first as JSON
    back = sent(live, path, seed=1, stream=True)
    assert again.headers["x-everwarm-cache"] == "miss"
    assert back.headers["x-everwarm-cache"] == "hit"
    assert calls(live, fake) == 2


@paths
def test_an_unknown_model_and_a_bad_body_are_told_in_the_dialect(live: Live, path: str) -> None:
    bad = live.client.post(path, content=b"{", headers={"content-type": "application/json", **HEADERS})
    assert bad.status_code == 400
    error = bad.json()["error"]
    assert error["message"]
    assert bad.json().get("type") == ("error" if path == "/v1/messages" else None)


@paths
def test_what_is_not_json_is_refused(live: Live, path: str) -> None:
    answer = live.client.post(path, content=b"x", headers={"content-type": "text/plain", **HEADERS})
    assert answer.status_code == 415
    zipped = live.client.post(path, content=b"x", headers={"content-encoding": "gzip", **HEADERS})
    assert zipped.status_code == 415


@paths
def test_only_if_cached_asks_nobody(live: Live, fake: Provider, path: str) -> None:
    headers = {**HEADERS, "cache-control": "only-if-cached"}
    body = {"model": "default", **BODIES[path]}
    answer = live.client.post(path, json=body, headers=headers)
    assert answer.status_code == 504
    assert json.loads(answer.content)["error"]["message"].startswith("There is no stored answer")
    assert calls(live, fake) == 0
