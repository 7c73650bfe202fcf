"""Which streams are at hand: bounds, and who goes first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core.layout import roster as module
from everwarm.core.layout.roster import IDLE, Roster
from everwarm.core.layout.stream import Stream
from everwarm.core.layout.template import Template


def stream(name: str, *, kin: str = "k", size: int = 10, requests: int = 0, asked: float | None = None) -> Stream:
    made = Stream(name, kin, Template.of("x" * size), requests=requests)
    made.asked = asked
    return made


def roster(limit: int = 1000) -> Roster:
    made = Roster(limit)
    made.enter("s")
    return made


def add(roster: Roster, stream: Stream, *, space: str = "s", now: float = 0.0, founded: bool = True) -> bool:
    roster.enter(space)
    return roster.add(space, stream, now, founded=founded)


def names(roster: Roster, space: str = "s") -> str:
    return "".join(sorted(one.id for one in roster.all(space)))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for three of a kin, and five of a namespace."""
    monkeypatch.setattr(module, "KIN", 3)
    monkeypatch.setattr(module, "MOST", 5)


def test_they_are_tried_in_the_order_of_their_ids_named_ones_first() -> None:
    streams = roster()
    for name in "cab":
        assert add(streams, stream(name))
    assert [one.id for one in streams.of("s", "k")] == ["a", "b", "c"]
    assert streams.of("s", "other") == []
    streams.named = ["b"]
    assert [one.id for one in streams.of("s", "k")] == ["b", "a", "c"]


@pytest.mark.usefixtures("few")
def test_of_a_kin_the_one_with_the_fewest_requests_goes_unless_one_is_idle() -> None:
    streams = roster()
    for name, requests in (("a", 5), ("b", 1), ("c", 9)):
        add(streams, stream(name, requests=requests, asked=IDLE))
    assert not add(streams, stream("d"), now=IDLE)
    assert names(streams) == "acd"
    streams.of("s", "k")[1].asked = 0.0
    streams.of("s", "k")[2].asked = IDLE
    assert not add(streams, stream("e"), now=IDLE)
    assert names(streams) == "ade", "c has the most, but nobody asks in it any more"


@pytest.mark.usefixtures("few")
def test_one_that_another_process_knows_stays_only_if_it_is_missed_more() -> None:
    streams = roster()
    for name in "abc":
        add(streams, stream(name, requests=5, asked=10.0))
    assert not add(streams, stream("d", requests=100), now=10.0, founded=False)
    assert names(streams) == "abc"
    assert not add(streams, stream("d", requests=100), now=IDLE + 10.0, founded=False)
    assert names(streams) == "bcd"


@pytest.mark.usefixtures("few")
def test_a_named_one_never_goes() -> None:
    streams = roster()
    streams.named = ["a", "b"]
    for name in "abcde":
        assert add(streams, stream(name))
    assert not add(streams, stream("f"))
    assert names(streams) in ("abdef", "abcef", "abcdf")


@pytest.mark.usefixtures("few")
def test_a_namespace_with_many_kins_is_bounded() -> None:
    streams = roster()
    for number, name in enumerate("abcdefg"):
        assert add(streams, stream(name, kin=name)) == (number < 5)
    assert len(names(streams)) == 5
    assert "g" in names(streams)
    assert sum(len(kins) for kins in streams._spaces.values()) == 5, "nor is an empty kin kept"


def test_whoever_holds_most_lets_go() -> None:
    streams = roster(limit=100)
    add(streams, stream("a", size=30), space="quiet")
    for name in "bcdef":
        add(streams, stream(name, size=30), space="loud")
    assert names(streams, "quiet") == "a"
    assert len(names(streams, "loud")) == 2
    assert "f" in names(streams, "loud")


def test_what_has_become_less_is_counted_again_before_anything_goes() -> None:
    streams = roster(limit=100)
    for name in "ab":
        add(streams, stream(name, size=40))
    for one in streams.all("s"):
        one.template = Template.of("x" * 20)
    assert not add(streams, stream("c", size=40)), "it was not sure"
    assert names(streams) == "abc"


def test_one_that_is_larger_than_all_is_kept_alone() -> None:
    streams = roster(limit=100)
    add(streams, stream("a"))
    assert not add(streams, stream("b", size=101))
    assert names(streams) == "b"


def test_another_one_in_its_place() -> None:
    streams, first = roster(), stream("a")
    add(streams, first)
    second = stream("a", requests=7)
    streams.add("s", second, 0.0, replaces=first, founded=False)
    assert list(streams.all("s")) == [second]


def test_namespaces_used_longest_ago_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SPACES", 2)
    streams = Roster()
    for space in ("a", "b", "a"):
        assert list(streams.enter(space)) == []
    streams.add("b", stream("x"), 0.0, founded=True)
    assert list(streams.enter("c")) == ["b"]
    assert list(streams.enter("b")) == ["a"]
    assert list(streams.all("b")) == []


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 60), st.booleans())))
def test_whatever_comes_the_bounds_hold(asked: list[tuple[str, str, int, bool]]) -> None:
    streams = Roster(limit=100)
    for number, (space, kin, size, founded) in enumerate(asked):
        one = stream(f"{number:03}", kin=kin, size=size)
        add(streams, one, space=space, founded=founded)
        assert one in streams.all(space) or not founded
        held = {each: sum(len(s.template.literals[0]) for s in streams.all(each)) for each in streams._spaces}
        assert sum(held.values()) <= 100
        assert all(streams._held.get(each, 0) >= of for each, of in held.items())
