"""Prefixes: rows as numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.analysis.prefixes import Prefixes

rows = st.lists(st.lists(st.integers(0, 3), max_size=6), max_size=200)


@given(rows)
def test_rows_are_what_they_were_made_of(rows: list[list[int]]) -> None:
    prefixes = Prefixes()
    known: dict[tuple[int, ...], int] = {(): 0}
    for row in rows:
        number = prefixes.of(row)
        for n in range(len(row) + 1):
            known.setdefault(tuple(row[:n]), len(known))
        assert known[tuple(row)] == number
        assert prefixes.path(number) == [known[tuple(row[:n])] for n in range(1, len(row) + 1)]
    for row, number in known.items():
        assert prefixes.row(number) == list(row)
        assert prefixes.length[number] == len(row)
    assert len(prefixes) == len(known)


def test_paths_that_were_asked_for_long_ago_are_made_anew() -> None:
    prefixes = Prefixes()
    ends = [prefixes.of([first, *range(50)]) for first in range(200)]
    assert all(prefixes.row(end) == [first, *range(50)] for first, end in enumerate(ends))
    assert prefixes.row(ends[0]) == [0, *range(50)]
    assert prefixes.path(prefixes.after(ends[0], 7)) == [*prefixes.path(ends[0]), len(prefixes) - 1]
