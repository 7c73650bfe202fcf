"""The headers that tell how an answer was made, and what that saved."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from everwarm.core.answer import Form
from everwarm.core.usage import Usage
from everwarm.gateway.door.exchange import EVENTS, JSON, NO_BUFFER
from everwarm.gateway.door.turn import written
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
    headers = [(b"x-everwarm-saved", _saved(usage, seconds))]
    if tags:
        headers.append((b"x-everwarm-tags", ",".join(tags).encode()))
    return headers


def lines_of_hit(key: str, form: Form, age: int, usage: Usage | None, seconds: float, tags: tuple[str, ...]) -> bytes:
    """All headers of a stored answer, written: what ``told`` and ``told_of_hit`` say, and its form. What is the same
    each time that it goes out is remembered."""
    saved = _saved(usage, seconds)
    return b"%bx-everwarm-age: %d\r\nx-everwarm-saved: %b\r\n" % (_lasting(key, form.stream, tags), age, saved)


@lru_cache(maxsize=1024)
def _lasting(key: str, stream: bool, tags: tuple[str, ...]) -> bytes:
    headers = [EVENTS, NO_BUFFER] if stream else [JSON]
    headers += (*_made("hit", "exact"), (b"x-everwarm-key", key.encode()))
    if tags:
        headers.append((b"x-everwarm-tags", ",".join(tags).encode()))
    return written(headers)


def _saved(usage: Usage | None, seconds: float) -> bytes:
    ms = max(0, round(1000 * seconds))
    return b"prompt=%d, output=%d, ms=%d" % (usage.prompt, usage.output, ms) if usage is not None else b"ms=%d" % ms
