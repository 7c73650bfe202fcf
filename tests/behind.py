"""A gateway in front of a fake provider that speaks both vendors' protocols, and a twin of it that is asked directly.

Twins that are asked the same in the same order answer the same bytes: so what a client gets can be compared with what
it would have got without a gateway.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gateway_upstreams import asks
from live import CHAT, Live, gateway
from providers import Provider, provider
from providers.faults import Fault

RESPONSES, MESSAGES = "/v1/responses", "/v1/messages"
PATHS = (CHAT, RESPONSES, MESSAGES)
WHO = {"authorization": "Bearer sk-a"}
VERSION = {"anthropic-version": "2023-06-01"}


def body(path: str, question: str, **more: Any) -> dict[str, Any]:
    """A request of this protocol with one user message."""
    messages = [{"role": "user", "content": question}]
    asked: dict[str, dict[str, Any]] = {
        CHAT: {"messages": messages},
        RESPONSES: {"input": question},
        MESSAGES: {"max_tokens": 1000, "messages": messages},
    }
    return {"model": "gpt-x", **asked[path], **more}


def headers(path: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """What its clients send besides."""
    return {**WHO, **(VERSION if path == MESSAGES else {}), **(more or {})}


def upstreams(fake: Provider, more: str = "") -> str:
    """Settings: the provider under both its dialects, as o0 and a0."""
    openai = asks(fake.url, more=more).replace('"u0"', '"o0"')
    return openai + asks(fake.anthropic_url, dialect="anthropic", more=more).replace('"u0"', '"a0"')


@dataclass
class Behind:
    """``fake`` is behind the gateway, ``twin`` is not."""

    live: Live
    fake: Provider
    twin: Provider
    direct: httpx.Client

    def ask(self, path: str, question: str, *, send: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        """Through the gateway; ``send`` are more headers."""
        return self.live.client.post(path, json=body(path, question, **more), headers=headers(path, send))

    def ask_twin(self, path: str, question: str, fault: Fault, **more: Any) -> bytes:
        """The body that the same request gets without a gateway. To be asked before the other."""
        self.twin.asked[:] = self.fake.asked  # its number is the nonce
        self.twin._prefixes = copy.deepcopy(self.fake._prefixes)
        self.twin.plan = [fault]
        return self.direct.post(path, json=body(path, question, **more), headers=headers(path)).content

    @property
    def stored(self) -> int:
        """How many answers rest."""
        store = self.live.house.store
        assert store is not None
        store.flush()
        return store.held().entries


@contextmanager
def behind(data: Path, more: str = "", rest: str = "") -> Iterator[Behind]:
    """``more``: settings for each upstream; ``rest``: of the gateway."""
    with ExitStack() as stack:
        fake, twin = stack.enter_context(provider()), stack.enter_context(provider())
        live = stack.enter_context(gateway(data, toml=f"{rest}\n{upstreams(fake, more)}", inside=False))
        direct = stack.enter_context(httpx.Client(base_url=twin.anthropic_url, timeout=30))
        yield Behind(live, fake, twin, direct)
