"""Single-flight against a naive count, step by step."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from everwarm.core.flight import Flight, Flights
from everwarm.errors import Bug


class Airport(RuleBasedStateMachine):
    """Passengers board and leave, calls land, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.flights: Flights[str] = Flights()
        self.open: dict[str, Flight[str]] = {}
        self.aboard: list[Flight[str]] = []

    @rule(key=st.sampled_from("abc"))
    def board(self, key: str) -> None:
        flight, new = self.flights.board(key)
        assert new == (key not in self.open)
        assert self.open.setdefault(key, flight) is flight
        self.aboard.append(flight)

    @precondition(lambda self: self.aboard)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        flight = self.aboard.pop(data.draw(st.integers(0, len(self.aboard) - 1)))
        last = self.flights.leave(flight)
        assert last == (flight not in self.aboard)
        if last and self.open.get(flight.key or "") is flight:
            del self.open[flight.key or ""]

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def land(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.open)))
        self.flights.land(self.open.pop(key))

    @invariant()
    def balanced(self) -> None:
        self.flights.check_integrity()
        assert len(self.flights) == len(self.open)


TestAirport = Airport.TestCase
TestAirport.settings = settings(max_examples=50, stateful_step_count=30)


def test_nobody_joins_a_lone_flight() -> None:
    flights: Flights[str] = Flights()
    lone = Flight[str](None)
    assert len(flights) == 0
    assert flights.leave(lone)


def test_nobody_leaves_twice() -> None:
    flights: Flights[str] = Flights()
    flight, _ = flights.board("a")
    assert flights.leave(flight)
    with pytest.raises(Bug):
        flights.leave(flight)


def test_integrity_is_checked() -> None:
    flights: Flights[str] = Flights()
    flight, _ = flights.board("a")
    flight.aboard = 0
    with pytest.raises(Bug):
        flights.check_integrity()


def test_a_flight_that_is_superseded_keeps_who_is_aboard() -> None:
    flights: Flights[str] = Flights()
    old, _ = flights.board("k")
    flights.supersede("k")
    flights.supersede("nobody flies")
    new, is_new = flights.board("k")
    assert is_new
    assert new is not old
    assert flights.leave(old)
    assert flights.board("k") == (new, False)
    flights.check_integrity()
