"""From characters to tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.analysis.prefixes import Prefixes
from everwarm.core.analysis.scale import CHARACTERS, Scale, fit

sizes = st.integers(0, 200)


@given(
    blocks=st.lists(st.integers(0, 50), max_size=8),
    known=st.dictionaries(st.integers(1, 8), sizes, max_size=6),
    total=sizes,
)
def test_places_never_go_back_and_end_at_the_total(blocks: list[int], known: dict[int, int], total: int) -> None:
    sizes = [sum(blocks[:n]) for n in range(len(blocks) + 1)]
    places = Scale(known).places(range(1, len(blocks) + 1), sizes, total)
    row = [places.upto(character) for character in range(sum(blocks) + 3)]
    assert row == sorted(row)
    assert row[0] >= 0
    assert row[max(sum(blocks), 1)] == row[-1] == total


def test_what_was_reported_of_a_prompt_holds_in_longer_ones() -> None:
    scale = Scale({9: 5})
    scale.note(1, 100, 10)
    places = scale.places([1, 2, 9], [0, 100, 200, *[0] * 6, 300], 70)
    assert [places.upto(character) for character in (0, 50, 100, 200, 300, 999)] == [0, 5, 10, 40, 70, 70]
    assert scale.places([9, 1], [0, 150, *[0] * 7, 50], 20).upto(50) == 5
    assert places.ends_at(10, 0)
    assert places.ends_at(8, 2)
    assert not places.ends_at(8, 1)
    assert not places.ends_at(11, 5)
    assert not places.ends_at(70, 5)


def test_an_anchor_that_cannot_be_is_left_out() -> None:
    scale = Scale({1: 50, 2: 40, 3: 1000})
    places = scale.places([1, 2, 3, 4], [0, 100, 200, 300, 400], 80)
    assert [places.upto(character) for character in (100, 200, 300, 400)] == [50, 60, 70, 80]


def test_tokens_that_nobody_reported_are_those_of_other_prompts_per_character() -> None:
    scale = Scale()
    assert (scale.characters, scale.tokens(400)) == (CHARACTERS, 100)
    scale.note(0, 300, 100)
    scale.note(0, 700, 100)
    assert (scale.characters, scale.tokens(400)) == (5.0, 80)
    scale.note(0, 0, 10_000)
    assert scale.characters == CHARACTERS


def test_what_is_hidden_is_what_a_line_through_all_prompts_leaves() -> None:
    assert fit([]) == (CHARACTERS, 0)
    ratio, hidden = fit([(400, 1100), (800, 1200), (1200, 1300)])
    assert (round(ratio, 6), hidden) == (4.0, 1000)
    assert fit([(400, 1100)]) == (CHARACTERS, 1000)
    assert fit([(400, 1100), (800, 10)]) == (CHARACTERS, 1000)
    assert fit([(400, 50)]) == (CHARACTERS, 0)


@given(
    calls=st.lists(
        st.tuples(st.text("ab", max_size=12), st.integers(0, 400), st.booleans(), st.booleans()), max_size=16
    ),
    empty=st.booleans(),
)
def test_a_prompt_that_goes_on_has_the_places_that_it_has_by_itself(
    calls: list[tuple[str, int, bool, bool]], empty: bool
) -> None:
    """With all anchors that were noted so far, whatever was asked before; also where some blocks have no characters."""
    prefixes, scale, sizes = Prefixes(), Scale(), [0]
    noted, before, seen = dict[int, int](), "", set[int]()
    for row, total, grows, reported in calls:
        before = before + row[:3] if grows else row
        path = prefixes.path(prefixes.of(map(ord, before)))
        for prefix in range(len(sizes), len(prefixes)):
            nothing = empty and prefixes.block[prefix] == ord("b")
            sizes.append(sizes[prefixes.parent[prefix]] + (0 if nothing else 10))
        told, alone = (each.places(path, sizes, total) for each in (scale, Scale(noted)))
        assert [told.upto(n) for n in range(130)] == [alone.upto(n) for n in range(130)]
        assert [told.ends_at(n, 3) for n in range(400)] == [
            any(0 <= known - n <= 3 for known in alone._known[1:-1]) for n in range(400)
        ]
        if reported and path:
            scale.note(path[-1], sizes[path[-1]], total, known=path[-1] in seen)
            noted[path[-1]] = total
        seen.update(path)


def test_anchors_are_kept_of_the_prompts_that_came_last() -> None:
    scale, sizes = Scale(), [10 * n for n in range(100)]
    for prefix in range(1, 99):
        scale.note(prefix, 10, 1, known=False)
        assert scale.places([prefix], [0] + [10] * 99, 1).upto(10) == 1
    assert len(scale._begun) == 64
    assert scale.places([1, 99], sizes, 99).upto(10) == 1
