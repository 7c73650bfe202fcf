"""r14: after a restart the KV of what was asked before is there, and another model, build or setting reuses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest

from converted import SECRET
from engines import balanced
from everwarm.core.key import PUBLIC, Namespace
from everwarm.store import segment_file
from everwarm.store.segments import Segments

OTHER = Namespace("1" * 32)
CAPACITY = 64 << 20
LONG = "z" * 400
NEVER_END = {0: -100.0, 2: -100.0}

Start = Callable[..., Any]


@pytest.fixture
def start(tiny_gguf: Path, data: Path, tmp_path: Path) -> Iterator[Start]:
    """``start(mode)``: an engine over the tiny model with its KV in one folder, once the one before is closed."""
    from everwarm.engine.engine import Engine
    from everwarm.engine.settings import Settings

    running: list[Engine] = []

    def begin(mode: str = "fast", secret: bytes = SECRET, capacity: int = CAPACITY, **settings: Any) -> Engine:
        while running:
            asyncio.run(running.pop().close())
        made = Engine.load(
            tiny_gguf,
            data,
            SECRET,
            Settings(threads=1, mode=mode, **settings),
            keep=lambda identity: Segments(tmp_path / "kv", secret, identity, capacity),
        )
        running.append(made)
        return made

    yield begin
    for engine in running:
        asyncio.run(engine.close())


def files(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "kv").rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.fixture
def greedy(request_of: Callable[..., Any]) -> Any:
    return request_of(LONG, temperature=0, max_tokens=20, logit_bias=NEVER_END)


def test_in_fast_mode_all_of_the_prompt_and_the_answer_is_there(start: Start, ask: Any, greedy: Any) -> None:
    cold = ask(start(), greedy)
    again = ask(start(), greedy)
    assert cold.prefilled.cached == 0
    assert again.prefilled.cached == cold.usage.prompt - 1, "the last token is computed for its logits"
    assert again.text == cold.text


def test_in_exact_mode_all_whole_chunks_are_there_and_the_text_is_the_same(start: Start, ask: Any, greedy: Any) -> None:
    cold = ask(start("exact"), greedy)
    again = ask(start("exact"), greedy)
    assert again.prefilled.cached == (cold.usage.prompt - 1) // 128 * 128 > 0
    assert again.text == cold.text


def test_it_is_there_for_the_tenant_alone(start: Start, ask: Any, greedy: Any) -> None:
    ask(start(), greedy, OTHER)
    restarted = start()
    assert ask(restarted, greedy, PUBLIC).prefilled.cached == 0
    assert ask(restarted, greedy, OTHER).prefilled.cached > 0


def test_another_setting_or_secret_reuses_nothing(start: Start, ask: Any, greedy: Any) -> None:
    ask(start(), greedy)
    assert ask(start("exact"), greedy).prefilled.cached == 0
    assert ask(start(secret=b"another secret, of thirty-two by"), greedy).prefilled.cached == 0


@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_damaged_files_are_computed_again(start: Start, ask: Any, greedy: Any, tmp_path: Path, damage: str) -> None:
    cold = ask(start(), greedy)
    restarted = start()
    assert files(tmp_path)
    for path in files(tmp_path):
        content = path.read_bytes()
        if damage == "gone":
            path.unlink()
        elif damage == "cut":
            path.write_bytes(content[: len(content) // 2])
        else:
            path.write_bytes(content[:-100] + bytes([content[-100] ^ 1]) + content[-99:])
    again = ask(restarted, greedy)
    assert again.prefilled.cached == 0
    assert again.text == cold.text
    assert ask(restarted, greedy).prefilled.cached == cold.usage.prompt - 1
    balanced(restarted)


def test_what_the_pool_let_go_of_comes_back_from_disk(start: Start, ask: Any, request_of: Any) -> None:
    engine = start(context=512, kv_bytes=1)  # no more than a context's worth
    texts = [c * 400 for c in "abcdef"]
    ask_for = [request_of(text, temperature=0, max_tokens=4, logit_bias=NEVER_END) for text in texts]
    first = [ask(engine, request) for request in ask_for]
    assert engine.inside.cache.pool.blocks * engine.inside.cache.pool.size < 2 * first[0].usage.prompt
    second = [ask(engine, request) for request in ask_for]
    assert [a.text for a in first] == [a.text for a in second]
    assert all(a.prefilled.cached == a.usage.prompt - 1 for a in second)
    balanced(engine)


def test_the_disks_share_is_kept_and_what_is_reused_stays(
    start: Start, ask: Any, request_of: Any, tmp_path: Path
) -> None:
    engine = start(capacity=1 << 20)
    kept = request_of("k" * 400, temperature=0, max_tokens=1, logit_bias=NEVER_END)
    for _ in range(3):
        ask(engine, kept)
    for number in range(12):
        ask(engine, request_of(f"{number}" * 400, max_tokens=1, logit_bias=NEVER_END))
    engine = start(capacity=1 << 20)
    assert 0 < sum(path.stat().st_size for path in files(tmp_path)) <= 1 << 20
    assert ask(engine, kept).prefilled.cached > 300


def test_a_full_disk_costs_nothing_but_the_disk(
    start: Start, ask: Any, greedy: Any, request_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """r04: answers go on, and what is computed later is written again when there is room."""

    def full(*args: Any) -> Any:
        raise OSError(ENOSPC, "No space left on device")

    engine = start()
    with monkeypatch.context() as patched:
        patched.setattr(segment_file, "write_beside", full)
        cold = ask(engine, greedy)
        assert ask(engine, greedy).text == cold.text
        balanced(engine)
    other = request_of("w" * 400, temperature=0, max_tokens=2, logit_bias=NEVER_END)
    ask(engine, other)
    restarted = start()
    assert ask(restarted, other).prefilled.cached > 300
    assert ask(restarted, greedy).text == cold.text


def test_what_must_not_be_stored_is_not_on_disk(start: Start, ask: Any, greedy: Any, tmp_path: Path) -> None:
    """``Cache-Control: no-store`` is about KV, too; in memory it is reused."""
    private = replace(greedy, rests=False)
    engine = start()
    cold = ask(engine, private)
    assert ask(engine, private).prefilled.cached == cold.usage.prompt - 1
    restarted = start()
    assert not files(tmp_path)
    assert ask(restarted, private).prefilled.cached == 0


def test_who_needs_the_whole_pool_gets_it_also_where_the_prompts_end_comes_from_disk(
    start: Start, collect: Any, request_of: Any
) -> None:
    def whole(engine: Any) -> Any:
        """The longest request that there can be: its prompt and its answer fill the context."""
        return asyncio.run(asyncio.wait_for(collect(engine, request_of("w" * 470, temperature=0, max_tokens=512)), 30))

    settings = {"context": 512, "kv_bytes": 1}  # a pool with room for one
    cold = whole(start(**settings))
    warm = whole(start(**settings))
    assert warm.prefilled.cached == cold.usage.prompt - 1
    assert warm.text == cold.text
