from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from everwarm.demo import audit
from everwarm.demo.audit import Audit, Counts, differences, money, ours, theirs
from everwarm.demo.client import Client
from everwarm.demo.play import Play
from everwarm.demo.script import Ask
from everwarm.demo.tally import Result, tally
from everwarm.errors import Broken
from everwarm.ledger.report import stats
from everwarm.ledger.sums import Sums, latency

ZERO = Counts(*(0,) * len(Counts._fields))


def test_equal_sums_have_no_differences(made: Callable[..., Result]) -> None:
    mine = ours(tally([made(1, cached=30), made(2, cache="hit"), made(3, cache="joined")]))
    assert mine == Counts(3, 300, 15, 70, 5, 1, 1, 1, 30)
    assert differences(mine, ZERO, mine) == []
    also = ours(tally([made(1, cached=30), made(2, cached=50, restarted=True)]))
    assert also == Counts(2, 200, 10, 120, 10, 0, 0, 2, 80)


def test_only_what_was_added_counts() -> None:
    one = Counts(*range(1, 10))
    two = Counts(*range(2, 20, 2))
    assert differences(one, one, two) == []


@pytest.mark.parametrize("field", Counts._fields)
def test_any_sum_that_differs_is_named(field: str) -> None:
    one = Counts(*range(1, 10))
    off = one._replace(**{field: getattr(one, field) + 1000})
    (line,) = differences(one, ZERO, off)
    assert line.startswith(f"{field}: ")
    assert f"{getattr(off, field):,}" in line


def test_against_a_gateway_that_has_answered_before(gateway: Any) -> None:
    client = Client(gateway.url)
    Play(client, "default", "s").group([Ask("Ben", "Before?")])
    watch = Audit(client)
    results = Play(client, "default", "s").group([Ask("Ben", "Now?")])
    assert watch.verdict(tally(results)).differences == []


def test_it_waits_for_rows_but_not_for_ever(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "WAIT_SECONDS", 0.2)
    watch = Audit(Client(gateway.url))
    results = Play(Client(gateway.url), "default", "s").group([Ask("Ben", "Now?")])
    gateway.counts["requests"] -= 1
    assert [d.split(":")[0] for d in watch.verdict(tally(results)).differences] == ["requests"]


def test_a_gateway_without_sums_is_told_so(gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "stats", lambda: {"requests": 1})
    watch = Audit(Client(gateway.url))
    with pytest.raises(Broken, match="another shape"):
        watch.verdict(tally([]))
    monkeypatch.setattr(gateway, "stats", lambda: None)
    with pytest.raises(Broken, match="404"):
        Audit(Client(gateway.url))


def test_the_gateways_own_stats_have_the_shape_that_is_read_here() -> None:
    empty = Sums(namespace="public", since=0.0, until=0.0, tallies={}, hit=latency([]), miss=latency([]), recent=[])
    assert theirs(stats(empty, None)) == ZERO
    assert money(stats(empty, None), stats(empty, None)) == ""


def test_money_is_that_of_this_run() -> None:
    def page(without: float, paid: float) -> dict[str, Any]:
        names = {"prices_of": "m", "provider": "p", "currency": "USD"}
        return {"money": {**names, "without": without, "with": paid, "saved": without - paid}}

    said = money(page(1.0, 0.5), page(1.3, 0.55))
    assert said == "At the prices of m (p) it would have cost 0.3000 USD; with Everwarm 0.0500, so 0.2500 are saved."
    assert money({"money": None}, page(1.3, 0.55)).startswith("At the prices of m (p) it would have cost 1.3000 USD")
    assert money({}, {"money": None, "why": "no price"}) == ""
