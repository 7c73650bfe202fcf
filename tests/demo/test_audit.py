from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from everwarm.demo import audit
from everwarm.demo.audit import Audit, Counts, differences, ours
from everwarm.demo.client import Client
from everwarm.demo.play import Play
from everwarm.demo.script import Ask
from everwarm.demo.tally import Result, tally
from everwarm.errors import Broken

ZERO = Counts(*(0,) * len(Counts._fields))


def test_equal_sums_have_no_differences(made: Callable[..., Result]) -> None:
    mine = ours(tally([made(1, cached=30), made(2, cache="hit"), made(3, cache="joined")]))
    assert mine == Counts(requests=3, prompt=300, output=15, computed=70, exact=1, joined=1, prefix=30)
    assert differences(mine, ZERO, mine) == []


def test_only_what_was_added_counts() -> None:
    one = Counts(1, 2, 3, 4, 5, 6, 7)
    two = Counts(2, 4, 6, 8, 10, 12, 14)
    assert differences(one, one, two) == []


@pytest.mark.parametrize("field", Counts._fields)
def test_any_sum_that_differs_is_named(field: str) -> None:
    one = Counts(1, 2, 3, 4, 5, 6, 7)
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
