"""s07: a tenant that floods the KV pool, or its disk, loses its own prefixes and not another's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converted import SECRET
from engines import balanced
from everwarm.core.key import Namespace
from everwarm.store.segments import Segments

MINE, FLOOD = Namespace("1" * 32), Namespace("2" * 32)
NEVER_END = {0: -100.0, 2: -100.0}


def flood(engine: Any, ask: Any, request_of: Any) -> None:
    for number in range(24):
        text = f"{number} " * 150
        for _ in range(2):  # what has been reused is worth more
            ask(engine, request_of(text, temperature=0, max_tokens=1), FLOOD)


@pytest.mark.parametrize("mode", ["fast", "exact"])
def test_in_the_pool(engine_in: Callable[..., Any], ask: Any, request_of: Any, mode: str) -> None:
    engine = engine_in(mode, kv_bytes=1)  # one context's worth, 1,024 tokens
    mine = request_of("mine " * 50, temperature=0, max_tokens=1, logit_bias=NEVER_END)
    ask(engine, mine, MINE)
    flood(engine, ask, request_of)
    balanced(engine)
    assert ask(engine, mine, MINE).usage.cache_read > 200


def test_on_disk(tiny_gguf: Path, data: Path, tmp_path: Path, ask: Any, request_of: Any) -> None:
    from everwarm.engine.engine import Engine
    from everwarm.engine.settings import Settings

    def start() -> Engine:
        keep = lambda identity: Segments(tmp_path / "kv", SECRET, identity, 1 << 20)  # noqa: E731
        return Engine.load(tiny_gguf, data, SECRET, Settings(threads=1), keep=keep)

    mine = request_of("mine " * 50, temperature=0, max_tokens=1, logit_bias=NEVER_END)
    engine = start()
    ask(engine, mine, MINE)
    flood(engine, ask, request_of)
    asyncio.run(engine.close())
    engine = start()
    assert ask(engine, mine, MINE).usage.cache_read > 200
    asyncio.run(engine.close())
