"""The floor of passing on: a bare ASGI application that sends the body upstream with aiohttp and gives the answer back,
on uvicorn with httptools and uvloop, as fast as it comes.

``python -m benchmarks.forwarder URL``: prints its own URL, serves until told to stop.
"""

from __future__ import annotations

import sys
from typing import Any

import aiohttp
import uvicorn

from benchmarks.servers import bare
from everwarm.gateway.serve import listening

HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-bench"}


class Forwarder:
    """As little as a gateway can be."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if self.session is None:
            self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        data = b""
        more = True
        while more:
            message = await receive()
            data += message.get("body", b"")
            more = message.get("more_body", False)
        async with self.session.post(self.url + scope["path"], data=data, headers=HEADERS) as response:
            kept = (name for name in ("content-type", "content-length") if name in response.headers)
            head = [(name.encode(), response.headers[name].encode()) for name in kept]
            await send({"type": "http.response.start", "status": response.status, "headers": head})
            async for piece in response.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def main() -> None:
    """Serve until told to stop."""
    with listening("127.0.0.1", 0) as sock:
        print(f"listening  http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
        uvicorn.Server(bare(Forwarder(sys.argv[1]))).run(sockets=[sock])


if __name__ == "__main__":
    main()
