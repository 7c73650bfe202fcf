from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everwarm.demo.segments import parts, static_tokens, stretches
from everwarm.demo.tally import Characters, Result

Make = Callable[..., Result]


def test_static_is_one_length_for_all_and_the_rest_is_split_by_characters(made: Make) -> None:
    first = made(1, characters=Characters(900, 0, 100), prompt=1000)
    second = made(2, characters=Characters(900, 300, 100), prompt=1300)
    third = made(3, characters=Characters(900, 0, 100), prompt=1000)
    static = static_tokens([first, second, third])
    assert static == 900
    assert parts(first, static) == ((900, "static"), (900, "session"), (1000, "dynamic"))
    assert parts(second, static) == ((900, "static"), (1200, "session"), (1300, "dynamic"))


def test_static_is_never_longer_than_a_prompt(made: Make) -> None:
    assert static_tokens([made(prompt=5), made(prompt=1000), made(prompt=1000)]) == 5
    assert static_tokens([]) == 0


def test_reuse_may_end_within_any_part(made: Make) -> None:
    found = stretches(made(prompt=100, cached=64), 80)
    assert found == [
        (0, 64, "static", "prefix"),
        (64, 80, "static", "computed"),
        (80, 90, "session", "computed"),
        (90, 100, "dynamic", "computed"),
    ]


def test_after_the_restart_what_is_reused_was_on_disk(made: Make) -> None:
    assert {s.fate for s in stretches(made(cached=64, restarted=True), 80)} == {"disk", "computed"}
    assert {s.fate for s in stretches(made(cache="hit", cached=64, restarted=True), 80)} == {"exact"}


def test_a_replayed_answer_is_reused_whole_whatever_its_original_found(made: Make) -> None:
    for cache, fate in (("hit", "exact"), ("joined", "joined")):
        assert {s.fate for s in stretches(made(cache=cache, cached=64), 80)} == {fate}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 3000),
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)),
    st.sampled_from(["hit", "miss", "joined"]),
)
def test_the_stretches_tile_the_prompt(
    made: Make, prompt: int, cached: int, static: int, lengths: tuple[int, int, int], cache: str
) -> None:
    cached, static = min(cached, prompt), min(static, prompt)
    result = made(prompt=prompt, cached=cached, cache=cache, characters=Characters(*lengths))
    found = stretches(result, static)
    assert found[0].start == 0
    assert found[-1].end == prompt
    assert all(a.end == b.start for a, b in pairwise(found))
    assert all(s.end > s.start for s in found)
    reused = sum(s.end - s.start for s in found if s.fate == "prefix")
    assert reused == (cached if cache == "miss" else 0)
    assert sum(s.end - s.start for s in found if s.part == "static") == static
