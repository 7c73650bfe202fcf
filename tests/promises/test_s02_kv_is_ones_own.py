"""s02: a tenant meets the KV of nobody else: in memory, on disk after a restart, or just being computed.

Each test is paired: the tenant itself does meet it, so a cache that is off would fail. The response cache and joined
flights have s01 and r03.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from converted import SECRET
from engines import balanced
from everwarm.core.key import Namespace
from everwarm.store.segments import Segments

MINE, OTHER = Namespace("1" * 32), Namespace("2" * 32)

Start = Callable[[], Any]


@pytest.fixture(params=["fast", "exact"])
def start(request: pytest.FixtureRequest, tiny_gguf: Path, data: Path, tmp_path: Path) -> Iterator[Start]:
    """``start()``: an engine with its KV on disk, in place of the one before."""
    from everwarm.engine.engine import Engine
    from everwarm.engine.settings import Settings

    running: list[Engine] = []

    def begin() -> Engine:
        while running:
            asyncio.run(running.pop().close())
        keep = lambda identity: Segments(tmp_path / "kv", SECRET, identity, 64 << 20)  # noqa: E731
        running.append(Engine.load(tiny_gguf, data, SECRET, Settings(threads=1, mode=request.param), keep=keep))
        return running[-1]

    yield begin
    for engine in running:
        asyncio.run(engine.close())


@pytest.fixture
def prompt(request_of: Callable[..., Any]) -> Any:
    return request_of("tell nobody " * 40, temperature=0, max_tokens=2)


@pytest.mark.parametrize("restarted", [False, True], ids=["memory", "disk"])
def test_kv_is_found_by_its_tenant_alone(start: Start, ask: Any, prompt: Any, restarted: bool) -> None:
    engine = start()
    ask(engine, prompt, MINE)
    if restarted:
        engine = start()
    assert ask(engine, prompt, OTHER).usage.cache_read == 0
    assert ask(engine, prompt, MINE).usage.cache_read > 300
    balanced(engine)


def test_a_prompt_that_is_being_computed_is_waited_for_by_its_tenant_alone(
    start: Start, collect: Any, prompt: Any
) -> None:
    async def together(engine: Any) -> list[Any]:
        return list(await asyncio.gather(*(collect(engine, prompt, space) for space in (MINE, OTHER, MINE, OTHER))))

    engine = start()
    answers = asyncio.run(together(engine))
    assert [answer.usage.cache_read > 300 for answer in answers] == [False, False, True, True]


def test_the_tree_of_one_is_not_reached_from_another(start: Start, ask: Any, prompt: Any) -> None:
    engine = start()
    ask(engine, prompt, MINE)
    ask(engine, prompt, OTHER)
    balanced(engine)
    spaces = {id(node): node.root.namespace for node in engine.inside.cache.tree.nodes()}
    assert set(spaces.values()) == {MINE, OTHER}
    for node in engine.inside.cache.tree.nodes():
        assert all(spaces[id(above)] == spaces[id(node)] for above in node.path())
