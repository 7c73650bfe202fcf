"""Many at once: identical requests that reach a gateway while its upstream holds still."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

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
    """Return when so many wait for the upstream; fail if that does not come about in a minute."""
    async with asyncio.timeout(60):
        while live.house.tower.aboard != number:
            await asyncio.sleep(0.01)


async def herd(live: Live, asks: Sequence[tuple[bool, Mapping[str, str]]]) -> list[httpx.Response]:
    """All of them at once, as (stream, headers); the upstream goes on when the last one is aboard."""
    tasks = [asyncio.create_task(_ask(live, {**BODY, "stream": s}, h)) for s, h in asks]
    await all_aboard(live, len(asks))
    live.upstream.go.set()
    return await asyncio.gather(*tasks)


async def _ask(live: Live, body: object, headers: Mapping[str, str]) -> httpx.Response:
    """One request on a socket of its own, by hand (an HTTP client costs 30 ms each): HTTP/1.0, to its end."""
    url = urlsplit(live.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    data = json.dumps(body).encode()
    lines = [
        f"POST {CHAT} HTTP/1.0",
        f"content-length: {len(data)}",
        *(f"{k}: {v}" for k, v in headers.items()),
        "",
        "",
    ]
    writer.write("\r\n".join(lines).encode() + data)
    head, _, content = (await reader.read(-1)).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    first, *rest = head.decode().split("\r\n")
    pairs = [line.partition(": ") for line in rest]
    return httpx.Response(int(first.split()[1]), headers=[(k, v) for k, _, v in pairs], content=content)


def text(response: httpx.Response) -> str:
    """The answer, of JSON or of SSE."""
    if response.headers["content-type"].startswith("application/json"):
        return str(response.json()["choices"][0]["message"]["content"])
    events = [e.data for e in Reader().feed(response.content)]
    assert events[-1] == "[DONE]"
    return "".join(c["delta"].get("content", "") for e in events[:-1] for c in json.loads(e)["choices"])
