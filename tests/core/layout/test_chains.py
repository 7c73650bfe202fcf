"""How much of a request was there before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.layout.chains import Element, Measure, Seen, measure, unmeasured
from everwarm.core.layout.slots import Slot

SLOT = Slot("x")
elements = st.lists(st.builds(Element, st.text("ab", max_size=3), st.sampled_from([None, SLOT])), max_size=6)


def naive(before: list[list[Element]], now: list[Element]) -> Measure:
    """By comparing with all that came."""
    bare = [e.text for e in now if e.slot is None]
    could = 0
    for other in before:
        theirs = [e.text for e in other if e.slot is None]
        same = 0
        while same < min(len(bare), len(theirs)) and bare[same] == theirs[same]:
            same += 1
        could = max(could, sum(map(len, bare[:same])))
    places = tuple(sum(len(e.text) for e in now[:i] if e.slot is None) for i, e in enumerate(now) if e.slot)
    return Measure(could, sum(len(e.text) for e in now), places)


@given(st.lists(elements, max_size=6))
def test_as_the_naive_one(requests: list[list[Element]]) -> None:
    seen = Seen()
    for i, request in enumerate(requests):
        assert measure(seen, ("space", "stream"), request) == naive(requests[:i], request)


def test_of_another_stream_or_namespace_nothing_is_known() -> None:
    seen, row = Seen(), [Element("a"), Element("b")]
    measure(seen, ("one", "s"), row)
    assert measure(seen, ("one", "s"), row).could == 2
    assert measure(seen, ("two", "s"), row).could == 0
    assert measure(seen, ("one", "t"), row).could == 0


def test_the_last_ones_are_kept() -> None:
    seen = Seen(least=10)
    for i in range(100):
        seen.add(i)
        assert all(n in seen for n in range(max(0, i - 9), i + 1))
    assert sum(n in seen for n in range(100)) <= 20


def test_what_is_not_looked_at() -> None:
    assert unmeasured(7, 2) == Measure(0, 7, (0, 0))
