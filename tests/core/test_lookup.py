"""Where the end of a text stood before: compared with reading the whole text each time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core import lookup
from everwarm.core.lookup import LONGEST, Lookup

TOKENS = st.lists(st.integers(0, 2), max_size=60)
LEAST = st.integers(1, 4)


def agreement(text: list[int], place: int, end: list[int]) -> int:
    """How many tokens before ``place`` are the last ones of ``end``."""
    size = 0
    while size < min(LONGEST, place, len(end)) and text[place - 1 - size] == end[-1 - size]:
        size += 1
    return size


def places(text: list[int], end: list[int], least: int) -> list[tuple[int, int]]:
    found = [(place, agreement(text, place, end)) for place in reversed(range(len(text)))]
    return [(place, size) for place, size in found if size >= least]


@given(TOKENS, TOKENS, LEAST)
def test_all_places_are_found_the_most_recent_first(text: list[int], end: list[int], least: int) -> None:
    assert list(Lookup(least, text).places(end)) == places(text, end, least)


@given(TOKENS, LEAST)
def test_a_text_is_looked_up_in_itself_as_it_grows(text: list[int], least: int) -> None:
    grown = Lookup(least)
    for size, token in enumerate(text):
        assert list(grown.places(grown.tokens)) == places(text[:size], text[:size], least)
        grown.add(token)
    assert grown.tokens == text


def test_only_so_many_places_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "PLACES", 3)
    assert [place for place, _ in Lookup(1, [7] * 10).places([7])] == [9, 8, 7]


@given(st.lists(st.integers(), min_size=1, max_size=9), st.data())
def test_a_copy_goes_on_with_itself(text: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text) - 1))
    count = data.draw(st.integers(0, 40))
    whole = list(text)
    for _ in range(count):  # one by one, each from as far behind as the first
        whole.append(whole[len(whole) - (len(text) - place)])
    copied = Lookup(1, text).copy(place, count)
    assert copied[: len(text) - place] == text[place : place + count]
    assert copied == whole[len(text) :]


def test_runs_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="a run of 0 tokens"):
        Lookup(0)
