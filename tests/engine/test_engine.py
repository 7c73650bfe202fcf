"""The engine's mechanics, on a tiny model: random weights, real runtime."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converted import SECRET
from engines import balanced, count_steps, until
from everwarm import engine as engine_package
from everwarm.core.key import PUBLIC, Namespace
from everwarm.core.upstream import Upstream
from everwarm.core.wire import Delta, Done, Finish, Message, Part, Prefilled, Request
from everwarm.engine.engine import Engine
from everwarm.engine.settings import DEFAULTS, MODES, Settings
from everwarm.engine.steps import ALONE, CHUNK
from everwarm.errors import BadRequest, Broken, ModelError, Overloaded, Unsupported

NEVER_END = {0: -100.0, 2: -100.0}  # the tokens that would end an answer
OTHER = Namespace("1" * 32)

Ask = Callable[..., Any]
Make = Callable[..., Request]


def test_events_come_in_order(tiny: Engine, ask: Ask, request_of: Make) -> None:
    events = ask(tiny, request_of("hello", temperature=0, max_tokens=20, n=3, logit_bias=NEVER_END)).events
    assert isinstance(events[0], Prefilled)
    assert isinstance(events[-1], Done)
    for choice in range(3):
        mine = [e for e in events[1:-1] if isinstance(e, Delta | Finish) and e.choice == choice]
        assert [isinstance(e, Finish) for e in mine] == [False] * (len(mine) - 1) + [True]
        assert all(e.text for e in mine if isinstance(e, Delta))


def test_it_is_an_upstream(tiny: Engine) -> None:
    upstream: Upstream = tiny  # the type checker's part
    assert upstream.name == "engine"


def test_the_card(tiny: Engine, tiny_gguf: Path, data: Path) -> None:
    (card,) = tiny.models()
    assert (card.id, card.aliases, card.context, card.owned_by) == ("tiny-test", ("default",), 1024, "everwarm")
    small = Engine.load(tiny_gguf, data, SECRET, Settings(context=512))
    assert small.models()[0].context == 512
    assert small.models()[0].fingerprint != card.fingerprint
    asyncio.run(small.close())
    with pytest.raises(ModelError, match=r"engine\.context is 5000 tokens, but this model takes 256"):
        Engine.load(tiny_gguf, data, SECRET, Settings(context=5000))


def test_the_package_loads_lazily(tiny_gguf: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_package.load(tiny_gguf, data, SECRET)
    assert engine.models()[0].id == "tiny-test"
    asyncio.run(engine.close())
    monkeypatch.setitem(__import__("sys").modules, "everwarm.engine.engine", None)
    with pytest.raises(ModelError, match=r"pip install 'everwarm\[local\]'"):
        engine_package.load(tiny_gguf, data, SECRET)


def test_the_limit_is_exact_and_without_one_the_default_or_the_context(
    tiny: Engine, ask: Ask, request_of: Make
) -> None:
    for limit in (1, 2, 17):
        answer = ask(tiny, request_of("hello", max_tokens=limit, logit_bias=NEVER_END, seed=1))
        assert answer.usage.output == limit
        assert answer.reasons == ["length"]
    answer = ask(tiny, request_of("hello", logit_bias=NEVER_END, seed=1))
    assert answer.usage.output == min(DEFAULTS.max_tokens, 1024 - answer.usage.prompt)


def test_the_context_ends_an_answer_and_refuses_a_prompt(tiny: Engine, ask: Ask, request_of: Make) -> None:
    framing = len(tiny.tokens_of(request_of("")))
    room = 1024 - framing
    answer = ask(tiny, request_of("x" * (room - 1), max_tokens=50, logit_bias=NEVER_END))
    assert (answer.usage.prompt, answer.usage.output, answer.reasons) == (1023, 1, ["length"])
    with pytest.raises(BadRequest, match="has 1024 tokens and the model's context is 1024") as caught:
        ask(tiny, request_of("x" * room))
    assert caught.value.code == "context_length_exceeded"
    assert caught.value.param == "messages"


def test_a_stop_string_cuts_and_ends(tiny: Engine, ask: Ask, request_of: Make) -> None:
    whole = ask(tiny, request_of("stop here", temperature=0, max_tokens=60, logit_bias=NEVER_END))
    stop = whole.text[10:13]
    cut = ask(tiny, request_of("stop here", temperature=0, max_tokens=60, logit_bias=NEVER_END, stop=(stop,)))
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.reasons == ["stop"]
    assert cut.usage.output < 60


def test_an_end_token_ends_and_counts(tiny: Engine, ask: Ask, request_of: Make) -> None:
    answer = ask(tiny, request_of("x", logit_bias={2: 100.0}))
    assert (answer.text, answer.usage.output, answer.reasons) == ("", 1, ["stop"])


def test_choices_share_the_prompt_and_differ(tiny: Engine, ask: Ask, request_of: Make) -> None:
    steps = count_steps(tiny)
    answer = ask(tiny, request_of("x" * 300, n=3, seed=4, max_tokens=12, logit_bias=NEVER_END))
    assert len(set(answer.texts.values())) == 3
    assert answer.usage.output == 36
    assert sum(steps) == answer.usage.prompt + 2 + 3 * 11  # the prompt's last token again, for its logits
    alone = ask(tiny, request_of("x" * 300, n=1, seed=4, max_tokens=12, logit_bias=NEVER_END))
    assert alone.text == answer.text


def test_a_request_that_names_no_temperature_gets_the_operators(
    tiny: Engine, tiny_gguf: Path, data: Path, ask: Ask, request_of: Make
) -> None:
    common = {"max_tokens": 40, "logit_bias": NEVER_END}
    greedy = ask(tiny, request_of("x", temperature=0, **common)).text
    assert ask(tiny, request_of("x", temperature=2, seed=1, **common)).text != greedy
    engine = Engine.load(tiny_gguf, data, SECRET, Settings(threads=1, temperature=0))
    try:
        assert ask(engine, request_of("x", **common)).text == greedy
        assert ask(engine, request_of("x", temperature=2, seed=1, **common)).text != greedy
        assert engine.models()[0].fingerprint != tiny.models()[0].fingerprint, "what was stored is not its answer"
    finally:
        asyncio.run(engine.close())


@pytest.mark.parametrize("mode", MODES)
def test_a_prefix_is_reused_within_a_namespace(engine_in: Any, mode: str, ask: Ask, request_of: Make) -> None:
    engine, long = engine_in(mode), request_of("y" * 500, max_tokens=1)
    assert ask(engine, long, PUBLIC).prefilled.cached == 0
    steps = count_steps(engine)
    warm = ask(engine, long, PUBLIC)
    known = warm.usage.prompt - 1
    assert warm.prefilled.cached == (known if mode == "fast" else known // CHUNK * CHUNK)
    assert sum(steps) == warm.usage.uncached == warm.usage.prompt - warm.prefilled.cached
    assert warm.usage.cache_read == warm.prefilled.cached
    assert ask(engine, long, OTHER).prefilled.cached == 0
    assert ask(engine, long, PUBLIC).prefilled.cached == warm.prefilled.cached


def test_closing_the_iterator_stops_within_one_step(tiny: Engine, request_of: Make, collect: Ask) -> None:
    async def main() -> int:
        events = tiny.ask(request_of("hello", temperature=0, logit_bias=NEVER_END), PUBLIC)
        async for event in events:
            if isinstance(event, Delta):
                break
        before = len(steps)
        await events.aclose()  # type: ignore[attr-defined]
        begun = len(steps) - before  # by the thread, while this one closed
        await collect(tiny, request_of("z", max_tokens=1))
        return len(steps) - before - begun - 1

    steps = count_steps(tiny)
    assert asyncio.run(main()) <= 1


def test_cancelling_the_waiting_task_stops_prefill_between_chunks(tiny: Engine, request_of: Make, collect: Ask) -> None:
    async def main() -> None:
        loop, first = asyncio.get_running_loop(), asyncio.Event()
        original = tiny.inside.model.step

        def step(spans: Any) -> Any:
            sizes.append(sum(len(span.tokens) for span in spans))
            if len(sizes) == 1:
                loop.call_soon_threadsafe(first.set)
                cancelled.wait(30)
            return original(spans)

        tiny.inside.model.step = step  # type: ignore[method-assign]
        task = asyncio.create_task(collect(tiny, request_of("x" * 700)))
        await first.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        cancelled.set()
        again = await collect(tiny, request_of("x" * 700, max_tokens=1))
        assert again.prefilled.cached == sizes[0]  # the one step that was computed

    sizes: list[int] = []
    cancelled = threading.Event()
    asyncio.run(main())
    assert sizes[0] in ALONE
    assert sum(sizes) == len(tiny.tokens_of(request_of("x" * 700)))


def test_a_full_line_turns_away_and_a_cancelled_one_leaves_it(tiny: Engine, request_of: Make, collect: Ask) -> None:
    async def main() -> None:
        held, begun, original = threading.Event(), threading.Event(), tiny.inside.model.step

        def step(spans: Any) -> Any:
            begun.set()
            held.wait(30)
            return original(spans)

        tiny.inside.model.step = step  # type: ignore[method-assign]
        tasks = [asyncio.create_task(collect(tiny, request_of("a", max_tokens=1)))]
        await until(begun.is_set)
        tasks += [asyncio.create_task(collect(tiny, request_of("b", max_tokens=1))) for _ in range(3)]
        await until(lambda: len(tiny._line) == 3)
        with pytest.raises(Overloaded) as caught:
            await collect(tiny, request_of("c"))
        assert caught.value.retry_after is not None
        assert caught.value.retry_after >= 1
        tasks[2].cancel()
        await asyncio.gather(tasks[2], return_exceptions=True)
        late = asyncio.create_task(collect(tiny, request_of("d", max_tokens=1)))
        await until(lambda: len(tiny._line) == 3)
        held.set()
        answers = await asyncio.gather(*tasks[:2], tasks[3], late)
        assert [a.usage.output for a in answers] == [1, 1, 1, 1]

    asyncio.run(main())
    assert len(tiny._line) == 0


def test_a_failing_step_breaks_one_answer_only(tiny: Engine, ask: Ask, request_of: Make) -> None:
    good = ask(tiny, request_of("x" * 300, temperature=0, max_tokens=5))
    original = tiny.inside.model.step

    def step(spans: Any) -> Any:
        raise RuntimeError("secret words of the prompt")

    tiny.inside.model.step = step  # type: ignore[method-assign]
    with pytest.raises(Broken) as caught:
        ask(tiny, request_of("x" * 300, temperature=0, max_tokens=5))
    assert "secret" not in caught.value.message
    assert tiny.failures == 1
    tiny.inside.model.step = original  # type: ignore[method-assign]
    again = ask(tiny, request_of("x" * 300, temperature=0, max_tokens=5))
    assert again.text == good.text
    assert again.prefilled.cached == good.usage.prompt - 1, "what was computed before is sound"


def test_closing_breaks_who_is_answered_and_who_waits(
    tiny_gguf: Path, data: Path, request_of: Make, collect: Ask
) -> None:
    before = {thread.ident for thread in threading.enumerate()}  # other tests have engines, too

    async def main() -> None:
        engine = Engine.load(tiny_gguf, data, SECRET)
        request = request_of("a", n=100, logit_bias=NEVER_END)
        tasks = [asyncio.create_task(collect(engine, request)) for _ in range(2)]
        await until(lambda: len(engine._line) == 1)  # the other has all turns
        await engine.close()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, Broken)
        with pytest.raises(Broken):
            await collect(engine, request)
        await engine.close()

    asyncio.run(main())
    names = [thread.name for thread in threading.enumerate() if thread.ident not in before]
    assert not [n for n in names if n.startswith("everwarm-engine")]


def test_a_closed_event_loop_stops_the_answer(tiny: Engine, ask: Ask, request_of: Make) -> None:
    async def leave() -> None:
        events = tiny.ask(request_of("a", n=100, logit_bias=NEVER_END), PUBLIC)
        await anext(events)
        abandoned.append(events)

    abandoned: list[Any] = []
    asyncio.run(leave())
    assert ask(tiny, request_of("b", max_tokens=1)).usage.output == 1


def test_check_is_asked_before_anything_else(tiny: Engine, ask: Ask, request_of: Make) -> None:
    steps = count_steps(tiny)
    with pytest.raises(Unsupported):
        tiny.check(request_of("x", rest={"logprobs": True}))
    with pytest.raises(Unsupported):
        ask(tiny, request_of("x", rest={"logprobs": True}))
    with pytest.raises(BadRequest):
        ask(tiny, request_of("x", temperature=3))
    assert steps == []


def test_messages_of_every_role_are_answered(tiny: Engine, ask: Ask, request_of: Make) -> None:
    roles = ("system", "developer", "user", "assistant", "tool", "user")
    messages = [Message(role, (Part("text", role),), call_id="c" if role == "tool" else None) for role in roles]
    assert ask(tiny, request_of(*messages, max_tokens=1)).usage.output == 1


def test_its_figures(tiny: Engine, ask: Ask, request_of: Make) -> None:
    blocks = tiny.inside.cache.pool.blocks
    answer = ask(tiny, request_of("x" * 300, max_tokens=5, logit_bias=NEVER_END))
    balanced(tiny)
    told = tiny.figures()
    assert told["answers", "running"] == told["answers", "waiting"] == told["blocks", "in_use"] == 0
    assert told["blocks", "free"] + told["blocks", "cached"] == blocks
    assert told["blocks", "cached"] == -(-(answer.usage.prompt + 4) // 32)
    assert told["tokens", "computed"] == answer.usage.prompt - 1  # the last one counts as decoding
    assert told["tokens", "accepted"] <= told["tokens", "drafted"]


def test_who_needs_many_blocks_is_not_passed_by_for_ever(engine_in: Any, collect: Ask, request_of: Make) -> None:
    """The pool has room for 1,024 tokens. Somebody is answered, a large prompt waits, and small ones keep coming."""
    engine = engine_in("fast", kv_bytes=1)
    order: list[str] = []

    async def asked(name: str, text: str, tokens: int) -> None:
        await collect(engine, request_of(text, max_tokens=tokens, logit_bias=NEVER_END))
        order.append(name)

    async def main() -> None:
        tasks = [asyncio.create_task(asked("first", "a" * 200, 300))]
        await until(lambda: engine._scheduler.busy)
        tasks.append(asyncio.create_task(asked("large", "b" * 900, 4)))
        await until(lambda: len(engine._line) == 1)
        tasks += [asyncio.create_task(asked("small", "c" * number, 40)) for number in range(1, 6)]
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert order[:2] == ["first", "large"]
    balanced(engine)


def test_while_all_turns_are_taken_nobody_is_looked_up(engine_in: Any, collect: Ask, request_of: Make) -> None:
    engine = engine_in("fast", parallel=1)
    known, looked_up = engine.inside.cache.known, 0

    def counted(*asked: Any) -> Any:
        nonlocal looked_up
        looked_up += 1
        return known(*asked)

    async def main() -> None:
        engine.inside.cache.known = counted
        asked = [request_of("abc"[i] * 50, max_tokens=40, logit_bias=NEVER_END) for i in range(3)]
        answers = await asyncio.gather(*(collect(engine, request) for request in asked))
        assert [answer.usage.output for answer in answers] == [40, 40, 40]

    asyncio.run(main())
    assert looked_up <= 3 * 4, "once for each who waits, each time that a turn is free"
