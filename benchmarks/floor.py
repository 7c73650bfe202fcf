"""The floor: what this server can do at most. A bare ASGI application that parses the JSON, hashes the body and answers
with a constant of the same size as ours, on uvicorn with httptools and uvloop, as fast as it comes."""

from __future__ import annotations

import argparse
import hashlib
from typing import Any

import orjson
import uvicorn

from benchmarks.servers import bare
from everwarm.gateway.serve import listening


class Floor:
    """As little as an answer from a cache can be."""

    def __init__(self, size: int) -> None:
        self.body = b"x" * size

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        data = b""
        more = True
        while more:
            message = await receive()
            data += message.get("body", b"")
            more = message.get("more_body", False)
        orjson.loads(data)
        digest = hashlib.blake2b(data, digest_size=16).hexdigest().encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(self.body)),
            (b"x-key", digest),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def main() -> None:
    """``python -m benchmarks.floor --size BYTES``: prints its URL, serves until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, required=True)
    args = parser.parse_args()
    with listening("127.0.0.1", 0) as sock:
        print(f"listening  http://127.0.0.1:{sock.getsockname()[1]}", flush=True)
        uvicorn.Server(bare(Floor(args.size))).run(sockets=[sock])


if __name__ == "__main__":
    main()
