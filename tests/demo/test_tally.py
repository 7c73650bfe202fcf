from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.demo.client import Answer
from everwarm.demo.script import Ask
from everwarm.demo.tally import Characters, Layer, Result, from_prefix, tally

Make = Callable[..., Result]


def test_one_of_each_kind(made: Make) -> None:
    cold = made(1, key="a", prompt=1000, output=10, first_ms=2000.0, total_ms=2500.0)
    warm = made(2, key="b", prompt=1100, output=20, cached=900, total_ms=800.0)
    hit = made(3, key="b", prompt=1100, output=20, cached=900, total_ms=5.0, cache="hit")
    joined = made(4, key="b", prompt=1100, output=20, cached=900, total_ms=700.0, cache="joined")
    sums = tally([cold, warm, hit, joined])
    assert (sums.requests, sums.prompt, sums.output) == (4, 4300, 70)
    assert sums.speed == 500.0
    assert sums.computed == Layer(2, 1200, 30, 3300.0)
    assert sums.exact == Layer(1, 1100, 20, 795.0)
    assert sums.joined == Layer(1, 1100, 20, 100.0)
    assert sums.prefix == Layer(1, 900, 0, 1800.0)
    assert sums.waited_ms == 4005.0
    assert sums.without_answers_ms == 2500 + 3 * 800
    assert sums.without_all_ms == 2500 + 3 * (800 + 1800)
    assert sums.unknown == 0


def test_a_bypass_is_computed(made: Make) -> None:
    sums = tally([made(cache="bypass", cached=30)])
    assert sums.computed.requests == 1
    assert sums.prefix.prompt == 30


def test_what_is_read_from_disk_is_counted_apart(made: Make) -> None:
    cold = made(1, prompt=1000, first_ms=1000.0, total_ms=1500.0)
    sums = tally([cold, made(2, cached=60), made(3, cached=90, restarted=True), made(4, cache="hit", restarted=True)])
    assert sums.prefix == Layer(1, 60, 0, 60.0)
    assert sums.disk == Layer(1, 90, 0, 90.0)
    assert sums.computed.requests == 3


def test_a_replay_whose_original_is_unknown_saves_tokens_but_no_time(made: Make) -> None:
    sums = tally([made(1, first_ms=10.0), made(2, cache="hit", total_ms=3.0)])
    assert sums.exact == Layer(1, 100, 5, 0.0)
    assert sums.unknown == 1
    assert sums.without_answers_ms == 53.0


def test_without_a_stream_nothing_is_estimated(made: Make) -> None:
    sums = tally([made(cached=30)])
    assert (sums.speed, sums.without_all_ms, sums.prefix.ms) == (None, None, None)
    assert tally([made(cached=100, first_ms=5.0)]).speed is None


def test_an_empty_run() -> None:
    assert tally([]).requests == 0


answers = st.builds(
    Answer,
    text=st.just("a"),
    cache=st.sampled_from(["hit", "miss", "joined", "bypass"]),
    via=st.just("engine"),
    why=st.just(""),
    key=st.sampled_from("abc"),
    age=st.none(),
    prompt=st.integers(60, 3000),
    output=st.integers(1, 40),
    cached=st.integers(0, 60),
    first_ms=st.none() | st.floats(1, 1000),
    total_ms=st.floats(1, 1000),
    complete=st.just(True),
    model=st.just("m"),
)


@given(st.lists(answers, max_size=12))
def test_every_token_and_request_is_counted_once(many: list[Answer]) -> None:
    results = [Result(i, Ask("Ben", "q"), Characters(8, 1, 1), a, i % 2 == 0) for i, a in enumerate(many, 1)]
    sums = tally(results)
    layers = (sums.computed, sums.exact, sums.joined)
    assert sum(x.prompt for x in layers) + sums.prefix.prompt + sums.disk.prompt == sums.prompt
    assert sum(x.output for x in layers) == sums.output
    assert sum(x.requests for x in layers) == sums.requests
    assert sum(from_prefix(a) for a in many) == sums.prefix.prompt + sums.disk.prompt
    saved = (sums.exact.ms or 0) + (sums.joined.ms or 0)
    assert sums.waited_ms + saved == pytest.approx(sums.without_answers_ms)
