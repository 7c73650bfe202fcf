"""Who loses an entry when a store is full."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from everwarm.core import eviction
from everwarm.core.eviction import NO_QUOTA, Quota, Ranking, excess

names = st.text("abcdef", min_size=1, max_size=2)
holdings = st.dictionaries(names, st.integers(1, 10_000), min_size=1)


def victim(held: dict[str, int], quotas: dict[str, Quota]) -> str:
    """The rule, as a store uses it."""
    ranking = Ranking()
    for name, size in held.items():
        ranking.set(name, excess(size, quotas.get(name, NO_QUOTA)))
    return ranking.largest()


@given(held=holdings, floors=st.dictionaries(names, st.integers(0, 10_000)), spare=st.integers(0, 10_000))
def test_who_loses_something_holds_more_than_its_share(
    held: dict[str, int], floors: dict[str, int], spare: int
) -> None:
    """Whatever they hold, with any floors that fit the bound, and a bound that is passed."""
    bound = sum(floors.values()) + spare
    total = sum(held.values())
    if total <= bound:
        bound = total - 1
        floors = {name: floor * bound // max(1, sum(floors.values())) for name, floor in floors.items()}
    quotas = {name: Quota(floor) for name, floor in floors.items()}
    loser = victim(held, quotas)
    equal_part = (bound - sum(floors.values())) / len(held)
    assert held[loser] > floors.get(loser, 0) + equal_part


@given(held=holdings, floors=st.dictionaries(names, st.integers(0, 20_000)))
def test_it_is_the_one_furthest_above_its_floor(held: dict[str, int], floors: dict[str, int]) -> None:
    """Also if the floors fit no bound."""
    loser = victim(held, {name: Quota(floor) for name, floor in floors.items()})
    assert held[loser] - floors.get(loser, 0) == max(size - floors.get(name, 0) for name, size in held.items())


def test_what_is_forgotten_before_anybody_asked_is_never_the_largest() -> None:
    ranking = Ranking()
    ranking.set("gone", 9)
    ranking.set("here", 1)
    ranking.forget("gone")
    assert ranking.largest() == "here"


@given(holdings)
def test_without_floors_it_is_who_holds_most(held: dict[str, int]) -> None:
    assert held[victim(held, {})] == max(held.values())


def test_a_flood_only_pushes_itself() -> None:
    """One namespace comes again and again; the others sit at their share, and stay there."""
    bound, held = 900, {"quiet": 300, "guaranteed": 400, "flood": 0}
    quotas = {"guaranteed": Quota(150)}
    for _ in range(500):
        held["flood"] += 10
        while sum(held.values()) > bound:
            held[victim(held, quotas)] -= 10
    assert held == {"quiet": 250, "guaranteed": 400, "flood": 250}


@pytest.mark.parametrize(("floor", "cap"), [(-1, None), (10, 9)])
def test_a_quota_that_contradicts_itself_is_refused(floor: int, cap: int | None) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Quota(floor, cap)


def test_a_quota_in_a_smaller_store_is_the_same_part_of_it() -> None:
    assert Quota(100, 500).part(64, 1024) == Quota(6, 31)
    assert Quota(100).part(64, 1024) == Quota(6, None)


class RankingAgainstADict(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ranking = Ranking()
        self.kept: dict[str, int] = {}

    @rule(name=names, number=st.integers(-20, 20))
    def set(self, name: str, number: int) -> None:
        self.ranking.set(name, number)
        self.kept[name] = number

    @rule(name=names)
    def forget(self, name: str) -> None:
        self.ranking.forget(name)
        self.kept.pop(name, None)

    @rule()
    def ask(self) -> None:
        if self.kept:
            assert self.ranking.largest() == min(self.kept, key=lambda name: (-self.kept[name], name))
        else:
            with pytest.raises(IndexError):
                self.ranking.largest()

    @invariant()
    def sizes(self) -> None:
        assert len(self.ranking) == len(self.kept)
        assert all(self.ranking[name] == number for name, number in self.kept.items())


TestRankingAgainstADict = RankingAgainstADict.TestCase


def test_what_is_out_of_date_does_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eviction, "ROOM", 10)
    ranking = Ranking()
    for number in range(1000):
        ranking.set("a", number)
        ranking.set("b", -number)
        assert ranking.largest() == "a"
    assert len(ranking._heap) < 20
