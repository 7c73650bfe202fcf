"""Clients that leave, upstreams that are busy, requests that want a flight of their own. See also r01 and r03."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from everwarm.errors import Overloaded
from everwarm.gateway import serve
from herd import BODY, all_aboard, held, text
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


def later(live: Live, **headers: str) -> httpx.Response:
    return live.ask(headers={k.replace("_", "-"): v for k, v in headers.items()})


async def begun(live: Live, do: Callable[[], object]) -> httpx.Response:
    """A request whose answer is under way while ``do`` is done, and then goes on."""
    async with httpx.AsyncClient(base_url=live.url, timeout=30) as client:
        asking = asyncio.create_task(client.post(CHAT, json=BODY))
        await asyncio.get_running_loop().run_in_executor(None, live.upstream.holding.wait, 10)
        live.upstream.hold_at = None
        await asyncio.get_running_loop().run_in_executor(None, do)
        live.upstream.go.set()
        return await asking


def test_an_older_answer_does_not_replace_a_newer_one(tmp_path: Path) -> None:
    with gateway(tmp_path, held()) as live:
        newer: list[httpx.Response] = []
        older = asyncio.run(begun(live, lambda: newer.append(later(live, cache_control="no-cache"))))
        assert len(live.upstream.asked) == 2
        assert text(older) == "answer 1 to hi"
        assert text(newer[0]) == "answer 2 to hi"
        assert text(live.ask()) == "answer 2 to hi"
        assert live.ask().headers["x-everwarm-cache"] == "hit"


def test_what_was_dropped_while_it_was_made_is_not_stored(tmp_path: Path) -> None:
    with gateway(tmp_path, held()) as live:
        asyncio.run(begun(live, lambda: live.client.delete("/v1/cache?tag=any")))
        after = live.ask()
        assert after.headers["x-everwarm-cache"] == "miss"
        assert "dropped while it was made" in after.headers["x-everwarm-why"]


def test_later_ones_join_who_asked_anew(tmp_path: Path) -> None:
    async def four(live: Live) -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=live.url, timeout=30) as client:
            tasks = []
            for n, headers in enumerate([{}, {"cache-control": "no-cache"}, {}, {"cache-control": "no-store"}], 1):
                tasks.append(asyncio.create_task(client.post(CHAT, json=BODY, headers=headers)))
                await all_aboard(live, n)
            live.upstream.go.set()
            return await asyncio.gather(*tasks)

    with gateway(tmp_path, held()) as live:
        answers = asyncio.run(four(live))
        assert [a.headers["x-everwarm-cache"] for a in answers] == ["miss", "miss", "joined", "bypass"]
        assert [text(a) for a in answers] == [f"answer {n} to hi" for n in (1, 2, 2, 3)]


def test_who_asked_anew_does_not_get_the_old_one_again(live: Live) -> None:
    live.ask()
    live.upstream.finish = "length"
    later(live, cache_control="no-cache")
    live.upstream.finish = "stop"
    assert text(live.ask()) == "answer 3 to hi"


def test_clients_are_told_when_the_server_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "GRACE", 2.5)
    upstream = held(at=2)
    with gateway(tmp_path, upstream) as live, ThreadPoolExecutor(1) as pool:
        plain = pool.submit(live.ask, "another")
        with live.client.stream("POST", CHAT, json={**BODY, "stream": True}) as stream:
            asyncio.run(all_aboard(live, 2))
            live.stop()
            lines = [line for line in stream.iter_lines() if line]
        assert "error" in lines[-1]
        assert plain.result().status_code == 502
        assert plain.result().json()["error"]["code"] == "upstream_broken"
