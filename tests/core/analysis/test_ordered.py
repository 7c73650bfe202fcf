"""The neighbours of a text are those that a sorted list has, however long it is."""

from __future__ import annotations

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.analysis.block import Block
from everwarm.core.analysis.ordered import Ordered


@given(st.lists(st.text("ab", max_size=6), unique=True), st.lists(st.text("abc", max_size=7)))
def test_neighbours_are_those_of_a_sorted_list(texts: list[str], asked: list[str]) -> None:
    blocks = [Block("messages", "user", True, text) for text in texts]
    row, plain = Ordered(blocks, most=3), list[str]()
    for number, text in enumerate(texts):
        for each in (*asked, text):
            at = bisect_left(plain, each)
            assert [texts[n] for n in row.near(each)] == plain[max(at - 1, 0) : at + 1]
        row.put(number)
        plain = sorted([*plain, text])
