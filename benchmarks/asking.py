"""How each gateway is asked the same thing: a chat request of a given size, as the official SDKs write it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks.servers import Running

NUMBER = "@" * 8
"""Stands where the load generator writes a running number."""

_SYSTEM = "You are the support assistant of a small company. Answer in one short sentence. "
_HISTORY = [{"role": r, "content": f"Turn {i}: how do I reset it?"} for i in range(3) for r in ("user", "assistant")]
_TURNS = [*_HISTORY, {"role": "user", "content": "Say hello."}]


class Gateway(NamedTuple):
    """A server that speaks the OpenAI protocol, and what it wants to be told besides."""

    name: str
    server: Running
    path: str = "/v1/chat/completions"
    key: str = "sk-bench"
    model: str = "default"
    members: Mapping[str, Any] = MappingProxyType({})

    def request(self, size: int, more: str = "", headers: str = "") -> bytes:
        """As it goes over the wire. ``size``: of the body, in bytes, about. ``more``: members, as JSON, that stand at
        its end."""
        body = self.body(size)
        data = body[:-1] + f",{more}}}".encode() if more else body
        head = (
            f"POST {self.path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n"
            f"authorization: Bearer {self.key}\r\n{headers}"
            f"content-type: application/json\r\nuser-agent: bench\r\ncontent-length: {len(data)}\r\n\r\n"
        )
        return head.encode() + data

    def body(self, size: int) -> bytes:
        """A long system prompt and some turns."""
        request = {"model": self.model, "temperature": 0, "max_tokens": 200, "messages": _TURNS, **self.members}
        filling = _SYSTEM * ((size - len(json.dumps(request)) - 40) // len(_SYSTEM))
        request["messages"] = [{"role": "system", "content": filling}, *_TURNS]
        return json.dumps(request, separators=(",", ":"), ensure_ascii=False).encode()
