"""Warming, pinning and listing prefixes, on the tiny model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from converted import SECRET
from engines import balanced, count_steps, until
from everwarm.core.key import PUBLIC, Namespace
from everwarm.core.wire import Message, Part, Request
from everwarm.engine.engine import Engine
from everwarm.engine.settings import MODES, Settings
from everwarm.engine.steps import ALONE, CHUNK
from everwarm.errors import BadRequest, Broken, Overloaded
from everwarm.store.segments import Segments

OTHER = Namespace("1" * 32)
THIRD = Namespace("2" * 32)
NEVER_END = {0: -100.0, 2: -100.0}
BLOCK = 4096
"""Bytes of a block of the tiny model's KV, which holds 32 tokens."""

Ask = Callable[..., Any]


def system(text: str) -> Message:
    return Message("system", (Part("text", text),))


def static(text: str = "s" * 300) -> Request:
    """A prompt to warm: a system message, and nothing after it."""
    return Request("openai_chat", "default", (system(text),))


@pytest.fixture
def asking(request_of: Callable[..., Request]) -> Callable[..., Request]:
    """``asking(system text, user text)``: a request that goes on from it."""

    def make(text: str, question: str = "Why?", **sampling: Any) -> Request:
        user = Message("user", (Part("text", question),))
        return request_of(system(text), user, **{"max_tokens": 1, "logit_bias": NEVER_END, **sampling})

    return make


def warm(engine: Engine, text: str = "s" * 300, namespace: Namespace = PUBLIC, *, pin: bool = False) -> Any:
    return asyncio.run(engine.warm(static(text), namespace, pin=pin))


def listed(engine: Engine, namespace: Namespace = PUBLIC, limit: int = 100) -> list[Any]:
    return list(asyncio.run(engine.prefixes(namespace, limit)))


def unpin(engine: Engine, name: str, namespace: Namespace = PUBLIC) -> bool:
    return asyncio.run(engine.unpin(namespace, name))


@pytest.fixture
def small(engine_in: Any) -> Engine:
    """80 blocks, of which 33 are a whole context: 40 can be pinned, 20 of them by whoever is first."""
    engine: Engine = engine_in("fast", kv_bytes=80 * BLOCK)
    assert (engine.inside.cache.pool.blocks, engine.inside.cache.pool.size) == (80, 32)
    return engine


def flood(engine: Engine, ask: Ask, request_of: Any) -> None:
    """Other prompts of the same namespace, more than the pool can hold."""
    for letter in "abcdef":
        ask(engine, request_of(letter * 600, max_tokens=1))


# --- warming ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_what_is_warm_is_not_computed_again(engine_in: Any, mode: str, ask: Ask, asking: Any) -> None:
    engine = engine_in(mode)
    cold = warm(engine)
    assert (cold.computed, cold.cached, cold.pinned) == (cold.tokens, 0, False)
    assert cold.tokens > 300 if mode == "fast" else cold.tokens == 2 * CHUNK
    answer = ask(engine, asking("s" * 300))
    assert answer.prefilled.cached == cold.tokens
    again = warm(engine)
    assert (again.id, again.tokens) == (cold.id, cold.tokens)
    assert again.computed == (1 if mode == "fast" else CHUNK), "the last token is computed for its logits, always"
    assert again.cached == again.tokens - again.computed
    balanced(engine)


@pytest.mark.parametrize("question", ["hello", " there", "\n\nhe", "7", "", "!?", "日本"])
def test_whatever_comes_next_begins_with_it(tiny: Engine, ask: Ask, asking: Any, question: str) -> None:
    head = warm(tiny).tokens
    asked = asking("s" * 300, question)
    assert tiny.inside.voice.tokenizer.decode(tiny.tokens_of(asked)[:head]).endswith("\nuser\n")
    assert ask(tiny, asked).prefilled.cached >= head


def test_after_a_user_the_assistant_is_next(tiny: Engine, ask: Ask, request_of: Any) -> None:
    """A whole request, as it will be asked, and its answer gone on from."""
    asked = request_of(system("s" * 100), "Why?", max_tokens=1)
    assert asyncio.run(tiny.warm(asked, PUBLIC)).tokens == len(tiny.tokens_of(asked))
    answer = ask(tiny, asked)
    assert answer.prefilled.cached == answer.usage.prompt - 1


def test_a_raw_prompt_is_warmed_too(tiny: Engine, ask: Ask) -> None:
    raw = Request("openai_completions", "default", (), prompt="x" * 200 + " t")
    warmed = asyncio.run(tiny.warm(raw, PUBLIC))
    longer = Request("openai_completions", "default", (), prompt="x" * 200 + " the end")
    assert ask(tiny, longer).prefilled.cached >= warmed.tokens >= 200


def test_it_is_computed_for_ones_own_namespace(tiny: Engine, ask: Ask, asking: Any) -> None:
    warmed = warm(tiny)
    assert ask(tiny, asking("s" * 300), PUBLIC).prefilled.cached == warmed.tokens
    assert ask(tiny, asking("s" * 300), OTHER).prefilled.cached == 0


@pytest.mark.parametrize("mode", MODES)
def test_a_herd_computes_it_once(engine_in: Any, mode: str, collect: Ask, asking: Any) -> None:
    async def main() -> tuple[list[Any], Any]:
        herd = [engine.warm(static(), PUBLIC, pin=i % 2 == 0) for i in range(4)]
        *warmed, answer = await asyncio.gather(*herd, collect(engine, asking("s" * 300)))
        return warmed, answer

    engine = engine_in(mode)
    steps = count_steps(engine)
    warmed, answer = asyncio.run(main())
    again = 1 if mode == "fast" else CHUNK
    assert sum(w.computed for w in warmed) + answer.usage.uncached == sum(steps)
    assert sorted(w.computed for w in warmed)[:3] == [again] * 3
    assert len({w.id for w in warmed}) == 1
    assert [row.pinned for row in listed(engine)].count(True) == 1
    balanced(engine)


@pytest.mark.parametrize("tokens", [2000, 200_000])
def test_what_leaves_no_room_for_a_question_is_refused(tiny: Engine, tokens: int) -> None:
    with pytest.raises(BadRequest, match="the model's context is 1024") as caught:
        warm(tiny, "x" * tokens)
    assert caught.value.code == "context_length_exceeded"


def test_what_nobody_could_reuse_is_refused(engine_in: Any) -> None:
    with pytest.raises(BadRequest, match=f"reused in multiples of {CHUNK}"):
        warm(engine_in("exact"), "short")


def test_what_the_model_cannot_read_is_refused(tiny: Engine) -> None:
    picture = Request("openai_chat", "default", (Message("system", (Part("image_url"),)),))
    with pytest.raises(BadRequest, match=r"messages\[0\].content\[0\]"):
        asyncio.run(tiny.warm(picture, PUBLIC))


@pytest.mark.parametrize("letters", [20, 900], ids=["in its last step", "before that"])
def test_cancelled_it_stops_and_pins_nothing(tiny: Engine, letters: int) -> None:
    async def main() -> None:
        original = tiny.inside.model.step

        def step(spans: Any) -> Any:
            assert cancelled.wait(30)
            return original(spans)

        tiny.inside.model.step = step  # type: ignore[method-assign]
        steps = count_steps(tiny)
        task = asyncio.create_task(tiny.warm(static("x" * letters), PUBLIC, pin=True))
        await until(lambda: bool(steps))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        cancelled.set()
        assert not [row for row in await tiny.prefixes(PUBLIC, 9) if row.pinned]
        assert len(steps) == 1, "the one that was under way"
        assert steps[0] <= max(ALONE)

    cancelled = threading.Event()
    asyncio.run(main())
    balanced(tiny)


def test_a_full_line_turns_it_away(tiny: Engine, collect: Ask, request_of: Any) -> None:
    async def main() -> None:
        long = request_of("a", n=100, max_tokens=40, logit_bias=NEVER_END)
        tasks = [asyncio.create_task(collect(tiny, long))]
        await until(lambda: tiny._scheduler.busy)  # it has all turns, and the line is empty
        tasks += [asyncio.create_task(collect(tiny, long)) for _ in range(3)]
        await until(lambda: len(tiny._line) == 3)
        with pytest.raises(Overloaded):
            await tiny.warm(static(), PUBLIC)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    balanced(tiny)


# --- pins -------------------------------------------------------------------------------------------------------------


def test_a_pin_stays_where_everything_else_goes(small: Engine, ask: Ask, asking: Any, request_of: Any) -> None:
    pinned, plain = warm(small, "p" * 300, pin=True), warm(small, "q" * 300)
    assert (pinned.pinned, plain.pinned) == (True, False)
    flood(small, ask, request_of)
    assert ask(small, asking("p" * 300)).prefilled.cached == pinned.tokens
    assert ask(small, asking("q" * 300)).prefilled.cached <= 32, "but for the block that begins as all prompts do"
    balanced(small)


def test_unpinned_it_goes_like_any_other(small: Engine, ask: Ask, asking: Any, request_of: Any) -> None:
    pinned = warm(small, pin=True)
    assert not unpin(small, pinned.id, OTHER), "another's"
    assert not unpin(small, "0" * 32)
    assert unpin(small, pinned.id)
    assert not unpin(small, pinned.id), "once"
    flood(small, ask, request_of)
    assert ask(small, asking("s" * 300)).prefilled.cached <= 32
    balanced(small)


def test_pinned_twice_it_is_pinned_once(small: Engine) -> None:
    assert warm(small, pin=True).id == warm(small, pin=True).id
    spare = small.inside.cache.tree.spare
    assert unpin(small, listed(small)[0].id)
    assert small.inside.cache.tree.spare > spare
    assert not any(row.pinned for row in listed(small))


def test_there_is_room_for_half_of_what_others_leave(small: Engine) -> None:
    """20 blocks of 40 for the first, 10 for the second, 5 for the third."""
    steps = count_steps(small)
    for namespace, fits in ((PUBLIC, 20), (OTHER, 10), (THIRD, 5)):
        before = len(steps)
        with pytest.raises(BadRequest, match="no room") as caught:
            warm(small, "x" * (fits * 32), namespace, pin=True)
        assert caught.value.code == "no_room_to_pin"
        assert len(steps) == before, "nothing was computed for it"
        assert warm(small, "x" * (fits * 32 - 30), namespace, pin=True).pinned
        with pytest.raises(BadRequest, match="that you have pinned"):
            warm(small, "y" * 100, namespace, pin=True)
    balanced(small)


def test_what_pins_have_in_common_counts_once(small: Engine) -> None:
    for letter in "abc":
        warm(small, "x" * 400 + letter * 10, pin=True)  # of 20 blocks that it may pin, each needs 14
    assert sum(row.pinned for row in listed(small)) == 3
    balanced(small)


def test_room_that_is_taken_meanwhile_is_not_given_twice(small: Engine) -> None:
    async def main() -> list[Any]:
        both = [small.warm(static(letter * 500), PUBLIC, pin=True) for letter in "ab"]
        return await asyncio.gather(*both, return_exceptions=True)

    outcomes = asyncio.run(main())
    assert sorted(isinstance(outcome, BadRequest) for outcome in outcomes) == [False, True]
    assert sum(row.pinned for row in listed(small)) == 1
    balanced(small)


@pytest.mark.parametrize("blocks", [40, 80])
def test_beside_all_pins_the_longest_request_is_answered(
    engine_in: Any, collect: Ask, request_of: Any, blocks: int
) -> None:
    engine = engine_in("fast", kv_bytes=blocks * BLOCK)
    pinned = 0
    for number in range(40):
        with suppress(BadRequest):
            pinned += warm(engine, chr(97 + number % 20) * 40, Namespace(f"{number % 4:032}"), pin=True).pinned
    assert pinned > 1
    longest = request_of("z" * 500, max_tokens=1024, logit_bias=NEVER_END)
    answer = asyncio.run(asyncio.wait_for(collect(engine, longest, THIRD), 30))
    assert answer.usage.total == 1024
    balanced(engine)


def test_a_pool_with_room_for_one_context_pins_nothing(engine_in: Any, ask: Ask, asking: Any) -> None:
    engine = engine_in("fast", kv_bytes=1)
    with pytest.raises(BadRequest, match=r"engine\.kv_mb"):
        warm(engine, "x", pin=True)
    assert warm(engine).tokens > 300
    assert ask(engine, asking("s" * 300, max_tokens=600)).usage.output == 600


# --- listing ----------------------------------------------------------------------------------------------------------


def test_prefixes_are_listed_where_prompts_end_and_part(tiny: Engine, ask: Ask, asking: Any) -> None:
    text = "Our handbook. " + "h" * 300
    for question in ("Why? " + "w" * 80, "How? " + "o" * 80, "Who? " + "v" * 80):
        ask(tiny, asking(text, question))
    common, *single = listed(tiny)
    assert (common.tokens % 32, common.hits, common.tier, common.pinned) == (0, 2, "memory", False)
    assert 300 < common.tokens < 352
    assert common.begins.startswith("system\nOur handbook. hhh")
    assert len(single) == 3
    assert all(row.tokens > 352 and row.begins == common.begins for row in single)
    assert {row.ends[:1] for row in single} <= set("wov")
    assert all(0 <= row.age < 60 for row in (common, *single))
    assert [row.tokens for row in listed(tiny, limit=1)] == [common.tokens]


def test_what_is_pinned_is_listed_first_with_its_own_length_and_hits(tiny: Engine, ask: Ask, asking: Any) -> None:
    ask(tiny, asking("b" * 700))
    ask(tiny, asking("b" * 700, "How?"))
    pinned = warm(tiny, pin=True)
    for question in ("Why?", "How?", "Who?", "When?"):
        ask(tiny, asking("s" * 300, question))
    first, *others = listed(tiny)
    assert (first.id, first.tokens, first.hits, first.pinned) == (pinned.id, pinned.tokens, 4, True)
    assert not any(row.pinned for row in others)


def test_ids_are_ones_own_and_so_is_the_list(tiny: Engine) -> None:
    mine, theirs = warm(tiny, pin=True), warm(tiny, namespace=OTHER)
    assert mine.id != theirs.id
    assert [row.id for row in listed(tiny)] == [mine.id]
    assert [row.id for row in listed(tiny, OTHER)] == [theirs.id]
    assert listed(tiny, THIRD) == []


@pytest.fixture
def kept(tiny_gguf: Path, data: Path, tmp_path: Path) -> Iterator[Callable[[], Engine]]:
    """``kept()``: an engine with a disk, once the one before is closed."""
    running: list[Engine] = []

    def begin() -> Engine:
        while running:
            asyncio.run(running.pop().close())
        keep: Any = lambda identity: Segments(tmp_path / "kv", SECRET, identity, 64 << 20)  # noqa: E731
        running.append(Engine.load(tiny_gguf, data, SECRET, Settings(threads=1), keep=keep))
        return running[-1]

    yield begin
    for engine in running:
        asyncio.run(engine.close())


def test_after_a_restart_the_kv_is_there_and_the_pin_is_not(kept: Any, ask: Ask, asking: Any) -> None:
    before = warm(kept(), pin=True)
    engine = kept()
    (row,) = listed(engine)
    assert (row.id, row.tier, row.on_disk, row.pinned, row.age, row.hits) == (before.id, "disk", True, False, None, 0)
    again = warm(engine, pin=True)
    assert (again.id, again.computed, again.pinned) == (before.id, 1, True)
    assert (listed(engine)[0].tier, listed(engine)[0].on_disk) == ("memory", True)
    assert ask(engine, asking("s" * 300)).prefilled.cached == before.tokens
    balanced(engine)


def test_what_must_not_rest_is_warm_in_memory_only(kept: Any) -> None:
    engine = kept()
    asyncio.run(engine.warm(replace(static(), rests=False), PUBLIC))
    assert [row.tier for row in listed(engine)] == ["memory"]
    assert listed(kept()) == []


# --- the thread -------------------------------------------------------------------------------------------------------


def test_closing_breaks_who_waits_to_be_told(tiny_gguf: Path, data: Path) -> None:
    async def main() -> None:
        engine = Engine.load(tiny_gguf, data, SECRET, Settings(threads=1))
        tasks = [asyncio.create_task(engine.prefixes(PUBLIC, 5)) for _ in range(9)]
        tasks.append(asyncio.create_task(engine.warm(static(), PUBLIC, pin=True)))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        await engine.close()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, Broken | list)
        with pytest.raises(Broken):
            await engine.prefixes(PUBLIC, 5)

    asyncio.run(main())


def test_a_mistake_in_an_errand_ends_that_errand_only(tiny: Engine, ask: Ask, asking: Any) -> None:
    async def fail() -> None:
        await tiny._warming.errands.run(lambda: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fail())
    assert ask(tiny, asking("s")).usage.output == 1
