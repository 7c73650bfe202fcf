"""What a body has besides its prompt is told apart in any case, and kept as far as there is room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.analyze.reading.rests import Rests
from everwarm.core.wire import Json

LONG = "x" * 5_000
BODIES = st.dictionaries(st.sampled_from("abc"), st.sampled_from(("", "short", LONG, LONG + "y", 7, None)), max_size=3)


@given(st.lists(BODIES, max_size=8), st.sampled_from((0, 6_000, 10**6)))
def test_two_are_one_object_if_they_are_equal(bodies: list[dict[str, Json]], room: int) -> None:
    rests = Rests(room)
    found = [rests.of("openai_chat", {**body, "messages": []}) for body in bodies]
    for body, one in zip(bodies, found, strict=True):
        assert list(one) == list(body)
        for other, two in zip(bodies, found, strict=True):
            assert (one is two) == (list(body.items()) == list(other.items()))


def test_the_prompt_is_no_part_of_it() -> None:
    assert Rests().of("openai_chat", {"messages": [1], "tools": [2], "model": "m"}) == {"model": "m"}


def test_without_room_a_digest_stands_for_what_is_long() -> None:
    rests = Rests(room=6_000)
    assert rests.of("openai_chat", {"a": LONG, "b": 1}) == {"a": LONG, "b": 1}
    short = rests.of("openai_chat", {"a": LONG, "b": 2})
    assert short["b"] == 2
    assert str(short["a"]).startswith("5,002 bytes that were not kept: ")
    assert rests.of("openai_chat", {"a": LONG, "b": 1}) == {"a": LONG, "b": 1}


def test_memory_is_counted() -> None:
    rests = Rests(room=6_000)
    rests.of("openai_chat", {"b": 2})
    small = rests.held
    rests.of("openai_chat", {"b": 2})
    assert 0 < small == rests.held
    rests.of("openai_chat", {"a": LONG})
    kept = rests.held
    assert kept > small + len(LONG)
    rests.of("openai_chat", {"a": LONG, "b": 2})
    assert rests.held - kept < 2_000
