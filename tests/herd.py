"""Many at once: identical requests that reach a gateway while its upstream holds still."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence

import httpx

from everwarm.core.sse import Reader
from live import CHAT, Live
from scripted import Scripted

BODY = {"model": "default", "messages": [{"role": "user", "content": "hi"}]}


def held(at: int = 1) -> Scripted:
    """An upstream that waits before its event ``at``."""
    upstream = Scripted()
    upstream.hold_at = at
    return upstream


async def all_aboard(live: Live, number: int) -> None:
    """Return when so many wait for the upstream."""
    while live.house.tower.aboard != number:
        await asyncio.sleep(0.01)


async def herd(live: Live, asks: Sequence[tuple[bool, Mapping[str, str]]]) -> list[httpx.Response]:
    """All of them at once, as (stream, headers); the upstream goes on when the last one is aboard."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=live.url, timeout=120, limits=limits) as client:
        tasks = [asyncio.create_task(client.post(CHAT, json={**BODY, "stream": s}, headers=h)) for s, h in asks]
        await all_aboard(live, len(asks))
        live.upstream.go.set()
        return await asyncio.gather(*tasks)


def text(response: httpx.Response) -> str:
    """The answer, of JSON or of SSE."""
    if response.headers["content-type"].startswith("application/json"):
        return str(response.json()["choices"][0]["message"]["content"])
    events = [e.data for e in Reader().feed(response.content)]
    assert events[-1] == "[DONE]"
    return "".join(c["delta"].get("content", "") for e in events[:-1] for c in json.loads(e)["choices"])
