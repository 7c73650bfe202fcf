"""A real gateway on a real socket, in a thread of the test's process, in front of a scripted upstream."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx

from everwarm.config import Config, load
from everwarm.gateway.house import House
from everwarm.gateway.serve import _Server, furnished, listening
from scripted import Scripted

CHAT = "/v1/chat/completions"


@dataclass
class Live:
    """A gateway that answers at ``url``."""

    url: str
    house: House
    upstream: Scripted
    client: httpx.Client
    stop: Callable[[], None]

    def ask(self, text: str = "hi", *, headers: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        """One chat request with one user message."""
        body = {"model": "default", "messages": [{"role": "user", "content": text}], **more}
        return self.client.post(CHAT, json=body, headers=headers)

    def post(self, data: bytes | str, **headers: str) -> httpx.Response:
        """A chat request of these bytes."""
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.client.post(CHAT, content=data, headers={"content-type": "application/json", **named})


def settings_of(data: Path, toml: str = "", env: Mapping[str, str] | None = None) -> Config:
    """A configuration from TOML text, as a user writes it. ``env``: the environment, for credentials."""
    file = data / "everwarm.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(toml)
    return load({"config": str(file), "data": str(data), "model": "none"}, env or {}, data)


@contextmanager
def gateway(
    data: Path,
    upstream: Scripted | None = None,
    toml: str = "",
    *,
    inside: bool = True,
    env: Mapping[str, str] | None = None,
) -> Iterator[Live]:
    """Runs until the block ends, and shuts down as a user's would. ``inside``: with a scripted model in it."""
    upstream = upstream or Scripted()
    ready, where = threading.Event(), []
    models = [upstream] if inside else []
    with (
        patch.dict(os.environ, env) if env else nullcontext(),
        listening("127.0.0.1", 0) as sock,
        furnished(settings_of(data, toml, env), models) as house,
    ):
        server = _Server(house, lambda url, _: (where.append(url), ready.set()))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            assert ready.wait(10), "the gateway did not start"
            with httpx.Client(base_url=where[0], timeout=30) as client:
                yield Live(where[0], house, upstream, client, lambda: setattr(server, "should_exit", True))
        finally:
            server.should_exit = True
            thread.join()
