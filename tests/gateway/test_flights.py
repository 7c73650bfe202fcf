"""One call for a herd; clients that leave; upstreams that break."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import httpx
import openai
import pytest

from everwarm.core.sse import Reader
from everwarm.errors import Broken, Overloaded
from live import CHAT, Live, gateway
from scripted import Scripted

BODY = {"model": "default", "messages": [{"role": "user", "content": "hi"}]}


def held(at: int = 1) -> Scripted:
    upstream = Scripted()
    upstream.hold_at = at
    return upstream


async def herd(live: Live, streams: list[bool]) -> list[httpx.Response]:
    """All of them at once; the upstream goes on once the first has reached it."""
    async with httpx.AsyncClient(base_url=live.url, timeout=30, limits=httpx.Limits(max_connections=None)) as client:
        tasks = [asyncio.create_task(client.post(CHAT, json={**BODY, "stream": s})) for s in streams]
        while live.house.tower.aboard < len(streams):
            await asyncio.sleep(0.01)
        live.upstream.go.set()
        return await asyncio.gather(*tasks)


def text(response: httpx.Response) -> str:
    if response.headers["content-type"].startswith("application/json"):
        return str(response.json()["choices"][0]["message"]["content"])
    events = [e.data for e in Reader().feed(response.content)]
    return "".join(c["delta"].get("content", "") for e in events[:-1] for c in json.loads(e)["choices"])


def test_a_herd_makes_one_call(tmp_path: Path) -> None:
    with gateway(tmp_path, held()) as live:
        answers = asyncio.run(herd(live, [i % 2 == 0 for i in range(40)]))
        assert len(live.upstream.asked) == 1
        assert {text(a) for a in answers} == {"answer 1 to hi"}
        how = [a.headers["x-everwarm-cache"] for a in answers]
        assert how.count("miss") == 1
        assert how.count("joined") == 39
        assert all(a.headers["x-everwarm-via"] == "engine" for a in answers)


def test_a_stream_that_is_joined_midway_has_all_from_the_start(tmp_path: Path) -> None:
    with (
        gateway(tmp_path, held(at=2)) as live,
        live.client.stream("POST", CHAT, json={**BODY, "stream": True}) as first,
    ):
        lines = first.iter_lines()
        while '"content":"answ' not in next(lines):
            pass
        with live.client.stream("POST", CHAT, json={**BODY, "stream": True}) as second:
            assert second.headers["x-everwarm-cache"] == "joined"
            live.upstream.go.set()
            second.read()
            assert text(second) == "answer 1 to hi"
        assert list(lines)[-2] == "data: [DONE]"


def test_the_leader_hands_over_by_leaving(tmp_path: Path) -> None:
    async def leave_and_stay(live: Live) -> httpx.Response:
        async with httpx.AsyncClient(base_url=live.url, timeout=30) as client:
            leader = asyncio.create_task(client.post(CHAT, json=BODY))
            while live.house.tower.aboard < 1:
                await asyncio.sleep(0.01)
            follower = asyncio.create_task(client.post(CHAT, json=BODY))
            while live.house.tower.aboard < 2:
                await asyncio.sleep(0.01)
            leader.cancel()
            while live.house.tower.aboard > 1:
                await asyncio.sleep(0.01)
            live.upstream.go.set()
            return await follower

    with gateway(tmp_path, held()) as live:
        assert text(asyncio.run(leave_and_stay(live))) == "answer 1 to hi"
        assert (len(live.upstream.asked), live.upstream.cancelled) == (1, 0)
        assert live.ask().headers["x-everwarm-cache"] == "hit"


def wait_for(condition: object) -> None:
    """Until it is true; ten seconds at most."""
    assert callable(condition)
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")


@pytest.mark.parametrize("stream", [False, True])
def test_the_last_to_leave_ends_the_call(tmp_path: Path, stream: bool) -> None:
    with gateway(tmp_path, held(at=2)) as live:
        with pytest.raises(httpx.ReadTimeout), httpx.Client(base_url=live.url, timeout=0.5) as client:
            client.post(CHAT, json={**BODY, "stream": stream})
        wait_for(lambda: live.upstream.cancelled == 1)
        wait_for(lambda: live.house.tower.aboard == 0)
        live.upstream.go.set()
        after = live.ask()
        assert after.headers["x-everwarm-cache"] == "miss"
        assert "not answered to its end" in after.headers["x-everwarm-why"]


def test_tenants_do_not_share_a_flight(tmp_path: Path) -> None:
    async def two(live: Live) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=live.url, timeout=30) as client:
            headers = [{"authorization": f"Bearer {t}"} for t in "aabb"]
            tasks = [asyncio.create_task(client.post(CHAT, json=BODY, headers=h)) for h in headers]
            while live.house.tower.aboard < 4:
                await asyncio.sleep(0.01)
            live.upstream.go.set()
            return await asyncio.gather(*tasks)

    with gateway(tmp_path, held()) as live:
        answers = [text(a) for a in asyncio.run(two(live))]
        assert len(live.upstream.asked) == 2
        assert answers[0] == answers[1]
        assert answers[2] == answers[3]
        assert answers[0] != answers[2]


def test_an_error_before_the_first_event_has_its_status(live: Live) -> None:
    live.upstream.fail_at = {0: Overloaded("Too many wait.", retry_after=7)}
    for stream in (False, True):
        answer = live.ask(stream=stream)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "7"
        assert answer.json()["error"]["code"] == "overloaded"
    live.upstream.fail_at = {}
    assert live.ask().headers["x-everwarm-cache"] == "miss"


@pytest.mark.parametrize("broken", [{"fail_at": {3: Broken("The provider hung up.")}}, {"stop_at": 3}])
def test_an_answer_that_breaks_off_is_told_and_not_stored(live: Live, broken: dict[str, object]) -> None:
    for name, value in broken.items():
        setattr(live.upstream, name, value)
    assert live.ask().status_code == 502
    streamed = live.ask(stream=True)
    assert streamed.status_code == 200
    events = [e.data for e in Reader().feed(streamed.content)]
    assert "error" in json.loads(events[-1])
    assert "[DONE]" not in events
    assert len(live.upstream.asked) == 2
    sdk = openai.OpenAI(base_url=live.url + "/v1", api_key="x", max_retries=0)
    with pytest.raises(openai.APIError), sdk:
        list(sdk.chat.completions.create(model="default", messages=[{"role": "user", "content": "hi"}], stream=True))
    live.upstream.fail_at, live.upstream.stop_at = {}, None
    assert live.ask().headers["x-everwarm-cache"] == "miss"


def test_those_who_wait_share_an_error_and_later_ones_do_not(tmp_path: Path) -> None:
    upstream = held()
    upstream.fail_at = {2: Broken("It broke.")}
    with gateway(tmp_path, upstream) as live:
        answers = asyncio.run(herd(live, [False] * 5))
        assert [a.status_code for a in answers] == [502] * 5
        assert len(upstream.asked) == 1
        upstream.fail_at = {}
        assert live.ask().status_code == 200


def test_who_asks_anew_flies_alone(tmp_path: Path) -> None:
    async def three(live: Live) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=live.url, timeout=30) as client:
            headers = [{}, {"cache-control": "no-cache"}, {"cache-control": "no-store"}]
            tasks = [asyncio.create_task(client.post(CHAT, json=BODY, headers=h)) for h in headers]
            while live.house.tower.aboard < 3:
                await asyncio.sleep(0.01)
            live.upstream.go.set()
            return await asyncio.gather(*tasks)

    with gateway(tmp_path, held()) as live:
        answers = asyncio.run(three(live))
        assert len(live.upstream.asked) == 3
        assert [a.headers["x-everwarm-cache"] for a in answers] == ["miss", "miss", "bypass"]
