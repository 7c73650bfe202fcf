"""r15: in mode "exact", greedy text is the same to the bit: cold or warm, alone or among others, after the pool has let
go of a prefix and the disk has given it back, after a restart, with and without drafts.

Prompts are trees: what they share is drawn, and where they part. The model is tiny and real; benchmarks/fidelity.py
does the same with the model that comes with Everwarm, and counts what mode "fast" changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converted import SECRET
from engines import balanced
from everwarm.core.key import Namespace
from everwarm.store.segments import Segments

NEVER_END = {0: -100.0, 2: -100.0}
CONTEXT = 1024
CAPACITY = 16 << 20

pieces = st.text("abc ", min_size=1, max_size=40).flatmap(
    lambda text: st.integers(1, 12).map(lambda times: (text * times)[:400])
)
trees = st.lists(pieces, min_size=1, max_size=3).flatmap(
    lambda heads: st.lists(st.tuples(st.sampled_from(heads), pieces).map("".join), min_size=2, max_size=9)
)
numbers = count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kv")


@pytest.fixture(scope="module")
def start(tiny_gguf: Path, data: Path, folder: Path) -> Iterator[Callable[..., Any]]:
    """``start(drafts, pool)``: an engine in mode "exact"; with a small pool, KV is on disk, too."""
    from everwarm.engine.engine import Engine
    from everwarm.engine.settings import Settings

    made: list[Engine] = []

    def begin(drafts: bool, pool: int | None = None) -> Engine:
        chosen = Settings(threads=1, mode="exact", drafts=drafts, kv_bytes=pool, context=CONTEXT)
        keep = None if pool is None else lambda identity: Segments(folder, SECRET, identity, CAPACITY)
        made.append(Engine.load(tiny_gguf, data, SECRET, chosen, keep=keep))
        return made[-1]

    yield begin
    for engine in made:
        asyncio.run(engine.close())


@pytest.fixture(scope="module")
def plain(start: Callable[..., Any]) -> Any:
    return start(drafts=False)


@pytest.fixture(scope="module")
def sharing(start: Callable[..., Any]) -> Any:
    return start(drafts=True, pool=1)


@pytest.fixture(scope="module")
def say(collect: Callable[..., Any], request_of: Callable[..., Any]) -> Callable[..., list[Any]]:
    """``say(engine, texts, namespaces)``: all answers, asked for at the same time."""

    def together(engine: Any, texts: list[str], spaces: list[Namespace]) -> list[Any]:
        async def run() -> list[Any]:
            asked = [request_of(t, temperature=0, max_tokens=12, logit_bias=NEVER_END) for t in texts]
            return list(await asyncio.gather(*(collect(engine, r, s) for r, s in zip(asked, spaces, strict=True))))

        return asyncio.run(run())

    return together


def fresh(how_many: int) -> list[Namespace]:
    """Namespaces that nobody has asked anything in."""
    return [Namespace(f"{next(numbers):032}") for _ in range(how_many)]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=trees)
def test_text_is_that_of_a_cold_run_alone(plain: Any, sharing: Any, say: Any, texts: list[str]) -> None:
    cold = [say(plain, [text], fresh(1))[0] for text in texts]
    assert all(answer.prefilled.cached == 0 for answer in cold)
    (space,) = fresh(1)
    for _ in range(2):
        shared = say(sharing, texts, [space] * len(texts))
        assert [answer.text for answer in shared] == [answer.text for answer in cold]
    assert all(answer.prefilled.cached == (answer.usage.prompt - 1) // 128 * 128 for answer in shared)
    balanced(sharing)


def test_text_is_the_same_after_a_restart(plain: Any, sharing: Any, start: Any, say: Any) -> None:
    texts = [head * 30 + tail for head in ("once ", "upon a ") for tail in ("time", "hill", "stone")]
    cold = [say(plain, [text], fresh(1))[0] for text in texts]
    (space,) = fresh(1)
    say(sharing, texts, [space] * len(texts))
    asyncio.run(sharing.close())
    restarted = say(start(drafts=True, pool=1), texts, [space] * len(texts))
    assert [answer.text for answer in restarted] == [answer.text for answer in cold]
    assert all(answer.prefilled.cached > 0 for answer in restarted)


def test_drafts_are_verified_and_right(plain: Any, start: Any, say: Any, request_of: Any, ask: Any) -> None:
    """The test of the tests above: there were drafts, and they did spare steps."""
    letters = dict.fromkeys(plain.inside.voice.tokenizer.encode("abcdefg"), 100.0)
    asked = {"temperature": 0, "max_tokens": 60, "logit_bias": letters}
    text = ask(plain, request_of("round and round", **asked)).text
    predicted = {"prediction": {"type": "content", "content": text[:30] + "zz" + text[30:]}}
    helped, steps = start(drafts=True), 0
    model, original = helped.inside.model, helped.inside.model.step

    def step(spans: Any) -> Any:
        nonlocal steps
        steps += 1
        return original(spans)

    model.step = step
    answer = ask(helped, request_of("round and round", rest=predicted, **asked))
    assert answer.text == text
    assert steps < 25
    assert answer.events[-1].accepted > 30
    assert answer.events[-1].rejected > 0
