"""r01: an upstream that dies mid-stream gives the client an explicit error event (the official SDK raises on it, and on
nothing less), followers too; nothing is stored, nothing is asked again after the first byte."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import openai
import pytest

from everwarm.core.sse import Reader
from everwarm.errors import Broken
from herd import held, herd
from live import Live, gateway

DEATHS = [{"fail_at": {3: Broken("The provider hung up.")}}, {"stop_at": 3}]


def dies(live: Live, how: dict[str, object]) -> None:
    for name, value in how.items():
        setattr(live.upstream, name, value)


@pytest.mark.parametrize("how", DEATHS)
def test_it_is_told_and_not_stored(live: Live, how: dict[str, object]) -> None:
    dies(live, how)
    assert live.ask().status_code == 502
    streamed = live.ask(stream=True)
    assert streamed.status_code == 200
    events = [e.data for e in Reader().feed(streamed.content)]
    assert set(json.loads(events[-1])["error"]) == {"message", "type", "param", "code"}
    assert "[DONE]" not in events
    assert len(live.upstream.asked) == 2
    live.upstream.fail_at, live.upstream.stop_at = {}, None
    after = live.ask()
    assert after.headers["x-everwarm-cache"] == "miss"
    assert live.ask().headers["x-everwarm-cache"] == "hit"


@pytest.mark.parametrize("how", DEATHS)
def test_the_official_sdk_raises(live: Live, how: dict[str, object]) -> None:
    dies(live, how)
    with openai.OpenAI(base_url=live.url + "/v1", api_key="x", max_retries=0) as sdk, pytest.raises(openai.APIError):
        list(sdk.chat.completions.create(model="default", messages=[{"role": "user", "content": "hi"}], stream=True))


@pytest.mark.parametrize("stream", [False, True])
def test_those_who_wait_are_told_too_and_later_ones_are_not(tmp_path: Path, stream: bool) -> None:
    upstream = held(at=2)
    upstream.fail_at = {3: Broken("It broke.")}
    with gateway(tmp_path, upstream) as live:
        answers = asyncio.run(herd(live, [(stream, {})] * 5))
        assert len(upstream.asked) == 1
        if stream:
            assert all(b"It broke." in a.content and b"[DONE]" not in a.content for a in answers)
        else:
            assert [a.status_code for a in answers] == [502] * 5
        upstream.fail_at = {}
        assert live.ask().status_code == 200
