"""The headers that tell how an answer was made, and what that saved."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from everwarm.core.usage import Usage
from everwarm.gateway.upstreams.headers import Headers

LONGEST_WHY: Final = 200
"""Characters of a reason."""


def told(cache: str, via: str, key: str, age: int, why: str, shifted: int = 0) -> Headers:
    """Of every answer. ``age``: whole seconds; ``key`` and ``why`` may be empty; ``shifted``: as in ``Prefilled``."""
    headers = [*_made(cache, via), (b"x-everwarm-age", b"%d" % age)]
    if key:
        headers.append((b"x-everwarm-key", key.encode()))
    if why:
        headers.append((b"x-everwarm-why", why[:LONGEST_WHY].encode("ascii", "backslashreplace")))
    if shifted:
        headers.append((b"x-everwarm-shifted", b"%d" % shifted))
    return headers


@lru_cache(maxsize=256)
def _made(cache: str, via: str) -> tuple[tuple[bytes, bytes], ...]:
    return (b"x-everwarm-cache", cache.encode()), (b"x-everwarm-via", via.encode())


def told_of_hit(usage: Usage | None, seconds: float, tags: Sequence[str]) -> Headers:
    """Of a hit, besides: the tokens and the time that it did not cost, and its labels."""
    saved = b"ms=%d" % max(0, round(1000 * seconds))
    if usage is not None:
        saved = b"prompt=%d, output=%d, %b" % (usage.prompt, usage.output, saved)
    headers = [(b"x-everwarm-saved", saved)]
    if tags:
        headers.append((b"x-everwarm-tags", ",".join(tags).encode()))
    return headers
