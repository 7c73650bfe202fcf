"""Rows of hashes against a plain set of their prefixes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.analysis import runs as module
from everwarm.core.analysis.runs import Runs, pack

hashes = st.sampled_from([0, 1, 2, 2**32, 2**64 - 1])
rows = st.lists(st.lists(hashes, max_size=8), max_size=25)


@given(rows, st.sampled_from([1, 8, module.FEWEST]))
def test_a_row_has_its_end_and_a_prefix_is_one_block(rows: list[list[int]], room: int) -> None:
    """``room``: places of the table of nodes, which grows with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FEWEST", room)
        runs = Runs()
    ends = [runs.add(pack(row)) for row in rows]
    assert [runs.add(pack(row)) for row in rows] == ends
    assert runs.paths.blocks == len({tuple(row[: n + 1]) for row in rows for n in range(len(row))})
    for one, row in zip(ends, rows, strict=True):
        assert sum(runs.paths.length[node] for node in runs.paths.to(one)) == len(row)
        for other, its in zip(ends, rows, strict=True):
            alike = next((n for n, (a, b) in enumerate(zip(row, its, strict=False)) if a != b), min(len(row), len(its)))
            both = set(runs.paths.to(one)) & set(runs.paths.to(other))
            assert sum(runs.paths.length[node] for node in both) == alike


@given(rows)
def test_there_are_at_most_two_nodes_a_row(rows: list[list[int]]) -> None:
    runs = Runs()
    for row in rows:
        runs.add(pack(row))
    assert len(runs.paths) <= 1 + 2 * len(rows)


def test_very_many_rows_keep_their_ends() -> None:
    runs = Runs()
    rows = [pack([n % 7, n % 11, n, n]) for n in range(5_000)]
    ends = [runs.add(row) for row in rows]
    assert [runs.add(row) for row in rows] == ends
    assert runs.paths.blocks == 7 + 77 + 2 * 5_000


def test_two_scopes_share_nothing() -> None:
    runs = Runs()
    ends = {runs.add(pack([1, 2, 3]), scope) for scope in ("", "a", "b", "a")}
    assert len(ends) == 3
    assert runs.paths.blocks == 9
    assert not set(runs.paths.to(runs.add(pack([1]), "a"))) & set(runs.paths.to(runs.add(pack([1]), "b")))
    assert runs.paths.to(runs.add(b"", "a")) == []


@pytest.mark.parametrize("wrong", [[-1], [2**64], ["a"], [1.5], [None]])
def test_what_is_no_hash_is_not_packed(wrong: list[int]) -> None:
    with pytest.raises((OverflowError, TypeError)):
        pack(wrong)
