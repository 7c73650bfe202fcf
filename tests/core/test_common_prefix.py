"""Where two texts part."""

from __future__ import annotations

from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.common_prefix import common_prefix, common_suffix

texts = st.text("ab", max_size=20)


@given(texts, texts, texts)
def test_what_is_before_is_the_same_and_there_they_differ(start: str, one: str, other: str) -> None:
    one, other = start + one, start + other
    at = common_prefix(one, other)
    assert at >= len(start)
    assert one[:at] == other[:at]
    assert one[at : at + 1] != other[at : at + 1] or one == other == one[:at]


@given(st.text("aé𝄞", max_size=20), st.text("aé𝄞", max_size=20), st.integers(0, 5))
def test_from_a_place_on(ours: str, theirs: str, begin: int) -> None:
    pairs = zip(ours, theirs[begin:], strict=False)
    assert common_prefix(ours, theirs, begin) == len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


@given(texts, texts, texts, texts)
def test_of_the_ends_it_is_the_same_as_of_the_beginnings_backwards(end: str, one: str, other: str, begin: str) -> None:
    for a, b in ((one + end, other + end), (one, other), (end, begin + end), (begin + end, end)):
        assert common_suffix(a, b) == common_prefix(a[::-1], b[::-1])
        assert common_suffix(a.encode(), b.encode()) == common_prefix(a.encode()[::-1], b.encode()[::-1])


@given(st.integers(0, 5000), st.integers(0, 5000), texts, texts)
def test_in_long_texts_as_well(same: int, more: int, one: str, other: str) -> None:
    a, b = ("a" * same + each + "b" * more for each in ("x" + one, "y" + other))
    assert common_prefix(a, b) == same
    assert common_suffix(a[::-1], b[::-1]) == same
