from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.extent import Extent, extent_of


@pytest.mark.parametrize(
    ("text", "extent"),
    [
        ("", Extent(0, 0, 0, 0)),
        ("plain text\n", Extent(0, 11, 0, 0)),
        ("Grüße", Extent(0, 3, 2, 0)),
        ("Привет", Extent(0, 0, 6, 0)),
        ("日本語 text", Extent(0, 5, 0, 3)),
        ("한국어", Extent(0, 0, 0, 3)),
        ("a\ud800", Extent(0, 1, 0, 1)),
        ("😀", Extent(0, 0, -1, 2)),
    ],
)
def test_characters_are_told_apart(text: str, extent: Extent) -> None:
    assert extent_of([text]) == extent


def test_all_texts_count_together() -> None:
    assert extent_of(["one", "two é", "日本"], messages=3) == Extent(3, 7, 1, 2)
    assert extent_of([], messages=2) == Extent(2, 0, 0, 0)


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])))
def test_it_is_what_counting_one_by_one_gives(text: str) -> None:
    sizes = [len(c.encode()) for c in text]
    assert extent_of([text]) == Extent(0, sizes.count(1), sizes.count(2), sizes.count(3))
    assert extent_of([text]).characters == len(text)


@given(st.lists(st.text()))
def test_there_are_as_many_characters_as_there_are(texts: list[str]) -> None:
    extent = extent_of(texts)
    assert extent.characters == sum(map(len, texts))
    assert min(extent.ascii, extent.wide) >= 0
