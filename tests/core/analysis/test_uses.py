"""The last use of each prefix, against a dictionary of all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.analysis.prefixes import Prefixes
from everwarm.core.analysis.uses import Uses


@given(st.lists(st.text("ab", max_size=7), max_size=16))
def test_who_uses_a_prefix_uses_all_that_it_begins_with(rows: list[str]) -> None:
    prefixes, last = Prefixes(), dict[int, int]()
    uses = Uses()
    for use, row in enumerate(rows):
        path = prefixes.path(prefixes.of(map(ord, row)))
        uses.note(path, sum(prefix in uses.known for prefix in path), use)
        last.update(dict.fromkeys(path, use))
        assert {prefix: uses.of(prefix) for prefix in uses.known} == last
        if use == len(rows) // 2:
            old, uses, earlier = uses, uses.copy(), dict(last)
    assert not rows or {prefix: old.of(prefix) for prefix in old.known} == earlier


def test_a_conversation_that_goes_on_has_one_number_for_all_that_was_said() -> None:
    prefixes = Prefixes()
    uses = Uses()
    for use in range(20):
        uses.note(prefixes.path(prefixes.of(range(use + 1))), use, use)
    assert set(uses.known.values()) == {uses.known[1]}
    uses.note(prefixes.path(prefixes.of([*range(10), 50])), 10, 20)
    assert len(set(uses.known.values())) == 3, "what both have, and what each has alone"
