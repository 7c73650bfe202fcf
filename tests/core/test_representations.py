from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.representations import OVERHEAD, Representations

ENTRY = 500
"""Bytes of one entry below, at most: OVERHEAD, the text of a letter, its value."""


def test_what_is_kept_is_found_by_its_text_and_in_its_namespace_alone() -> None:
    kept = Representations(10_000)
    kept.keep("a", "some text", b"1")
    assert kept.get("a", "some text") == b"1"
    assert kept.get("a", "some texT") is None
    assert kept.get("b", "some text") is None


def test_the_newest_value_stands() -> None:
    kept = Representations(10_000)
    kept.keep("a", "t", b"old")
    kept.keep("a", "t", b"new and longer")
    assert kept.get("a", "t") == b"new and longer"
    kept.check_integrity()


def test_what_was_used_least_recently_goes_first() -> None:
    kept = Representations(2 * ENTRY)
    kept.keep("a", "x", bytes(200))
    kept.keep("a", "y", bytes(200))
    kept.get("a", "x")
    kept.keep("a", "z", bytes(200))
    assert [kept.get("a", t) is not None for t in "xyz"] == [True, False, True]


def test_a_flood_of_one_namespace_leaves_the_share_of_another() -> None:
    kept = Representations(20 * ENTRY)
    for text in "abcde":
        kept.keep("quiet", text, bytes(200))
    for number in range(1000):
        kept.keep("loud", str(number), bytes(200))
    assert all(kept.get("quiet", text) is not None for text in "abcde")
    assert kept.get("loud", "999") is not None
    kept.check_integrity()


def test_a_namespace_that_has_lost_all_is_forgotten() -> None:
    kept = Representations(2 * ENTRY)
    kept.keep("a", "x", bytes(2 * ENTRY - OVERHEAD - 100))
    kept.keep("b", "y", bytes(100))
    kept.check_integrity()
    assert kept.get("a", "x") is None
    assert kept.get("b", "y") is not None


def test_what_is_larger_than_all_the_room_is_not_kept() -> None:
    kept = Representations(ENTRY)
    kept.keep("a", "x", b"1")
    kept.keep("a", "y" * ENTRY, b"2")
    assert kept.get("a", "y" * ENTRY) is None
    assert kept.get("a", "x") == b"1"


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyzé日"), st.binary(max_size=300))))
def test_it_never_gives_another_value_and_never_holds_too_much(steps: list[tuple[str, str, bytes]]) -> None:
    kept, said = Representations(3 * ENTRY), {}
    for space, text, value in steps:
        assert kept.get(space, text) in (None, said.get((space, text)))
        kept.keep(space, text, value)
        said[space, text] = value
        assert kept.get(space, text) == value
        kept.check_integrity()
