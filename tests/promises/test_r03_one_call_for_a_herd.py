"""r03: 1,000 identical requests make one upstream call and 1,000 equal answers, streams joined midway included; k
tenants make k calls; a leader that leaves hands over."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from herd import BODY, all_aboard, held, herd, text
from live import CHAT, Live, gateway


def test_a_thousand_make_one_call(tmp_path: Path) -> None:
    with gateway(tmp_path, held()) as live:
        answers = asyncio.run(herd(live, [(i % 2 == 0, {}) for i in range(1000)]))
        assert len(live.upstream.asked) == 1
        assert {text(a) for a in answers} == {"answer 1 to hi"}
        how = [a.headers["x-everwarm-cache"] for a in answers]
        assert (how.count("miss"), how.count("joined")) == (1, 999)
        assert {a.headers["x-everwarm-via"] for a in answers} == {"engine"}
        assert live.house.tower.aboard == 0


def test_tenants_make_a_call_each(tmp_path: Path) -> None:
    with gateway(tmp_path, held()) as live:
        answers = asyncio.run(herd(live, [(False, {"authorization": f"Bearer {t}"}) for t in "aabbccd"]))
        assert len(live.upstream.asked) == 4
        texts = [text(a) for a in answers]
        assert len(set(texts)) == 4
        assert texts[0] == texts[1]
        assert texts[2] == texts[3]
        assert texts[4] == texts[5]


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


async def leave_and_stay(live: Live) -> httpx.Response:
    async with httpx.AsyncClient(base_url=live.url, timeout=30) as client:
        leader = asyncio.create_task(client.post(CHAT, json=BODY))
        await all_aboard(live, 1)
        follower = asyncio.create_task(client.post(CHAT, json=BODY))
        await all_aboard(live, 2)
        leader.cancel()
        await all_aboard(live, 1)
        live.upstream.go.set()
        return await follower


def test_the_leader_hands_over_by_leaving(tmp_path: Path) -> None:
    with gateway(tmp_path, held()) as live:
        assert text(asyncio.run(leave_and_stay(live))) == "answer 1 to hi"
        assert (len(live.upstream.asked), live.upstream.cancelled) == (1, 0)
        assert live.ask().headers["x-everwarm-cache"] == "hit"
