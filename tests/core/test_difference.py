"""Where two texts part."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.layout.difference import first_difference

texts = st.text("ab", max_size=20)


@given(texts, texts, texts)
def test_what_is_before_is_the_same_and_there_they_differ(start: str, one: str, other: str) -> None:
    one, other = start + one, start + other
    at = first_difference(one, other)
    assert at >= len(start)
    assert one[:at] == other[:at]
    assert one[at : at + 1] != other[at : at + 1] or one == other == one[:at]
