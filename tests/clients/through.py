"""A gateway between a client and a fake provider, and the same turn direct, cold and warm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clients.turn import Place
from live import gateway
from providers import Provider, provider

UPSTREAMS = """
[[upstream]]
name = "openai"
dialect = "openai"
url = "{0.url}"

[[upstream]]
name = "anthropic"
dialect = "anthropic"
url = "{0.anthropic_url}"
"""


@dataclass(frozen=True)
class Three:
    """What the user of a client saw, and the requests that reached the provider."""

    direct: Any
    cold: Any
    warm: Any
    calls_direct: int
    calls_cold: int
    calls_warm: int  # after both


@contextmanager
def between(data: Path) -> Iterator[tuple[Place, Provider]]:
    """A gateway with an empty memory in front of a provider that nobody has asked yet."""
    with provider() as behind, gateway(data, toml=UPSTREAMS.format(behind), inside=False) as live:
        yield Place(live.url), behind


def three(take: Callable[[Place], Any], data: Path) -> Three:
    """The same turn three times: at a provider, through a gateway, and through it again."""
    with provider() as alone:
        direct = take(Place(alone.anthropic_url))
    with between(data) as (place, behind):
        cold = take(place)
        calls_cold = len(behind.asked)
        warm = take(place)
        return Three(direct, cold, warm, len(alone.asked), calls_cold, len(behind.asked))
