"""Clients that leave, upstreams that are busy, requests that want a flight of their own. See also r01 and r03."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from everwarm.errors import Overloaded
from herd import BODY, all_aboard, held
from live import CHAT, Live, gateway


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


def test_an_error_before_the_first_event_has_its_status(live: Live) -> None:
    live.upstream.fail_at = {0: Overloaded("Too many wait.", retry_after=7)}
    for stream in (False, True):
        answer = live.ask(stream=stream)
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "7"
        assert answer.json()["error"]["code"] == "overloaded"
    live.upstream.fail_at = {}
    assert live.ask().headers["x-everwarm-cache"] == "miss"


def test_who_asks_anew_flies_alone(tmp_path: Path) -> None:
    async def three(live: Live) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=live.url, timeout=30) as client:
            headers = [{}, {"cache-control": "no-cache"}, {"cache-control": "no-store"}]
            tasks = [asyncio.create_task(client.post(CHAT, json=BODY, headers=h)) for h in headers]
            await all_aboard(live, 3)
            live.upstream.go.set()
            return await asyncio.gather(*tasks)

    with gateway(tmp_path, held()) as live:
        answers = asyncio.run(three(live))
        assert len(live.upstream.asked) == 3
        assert [a.headers["x-everwarm-cache"] for a in answers] == ["miss", "miss", "bypass"]
