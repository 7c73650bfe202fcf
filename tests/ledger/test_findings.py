"""What the layout engine found: added up, bounded, priced, and in words."""

from __future__ import annotations

import contextlib
import io
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from everwarm.core.layout.finding import Cost, Finding
from everwarm.ledger import findings
from everwarm.ledger.book import RECENTLY, Ledger
from everwarm.ledger.findings import Found, Looked, Spot, spot
from everwarm.ledger.prices import Prices
from everwarm.ledger.report import render, render_findings, stats
from everwarm.ledger.screen import a_day
from everwarm.ledger.tables import VERSION_1, VERSION_2
from everwarm.store.file import Schema, open_file
from ledger_rows import NOW, row

Opener = Callable[..., Ledger]
CLOCK = Spot("system", 18, 37, "a clock", "move", False, 11_840, 12_212, calibrated=True)
PRICES = Prices("gpt-5-mini")  # a million prompt tokens are $0.25, cached $0.025


def looked(*spots: Spot, at: float = NOW, namespace: str = "a", stream: str = "s", model: str = "m") -> Looked:
    return Looked(at, namespace, stream, model, spots)


def found(ledger: Ledger, namespace: str | None = None) -> list[Found]:
    return list(ledger.sums(namespace).findings)


def shown(told: dict[str, Any], draw: Callable[[dict[str, Any]], Any] = render, width: int = 200) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(draw(told))
    return out.getvalue()


def test_a_finding_is_taken_down_without_its_text() -> None:
    finding = Finding(("messages", 0, "secret\n"), 18, 37, "a clock", "move", True, 47_360, 48_848)
    cost = Cost(11_840, 12_212, calibrated=True)
    assert spot(finding, cost) == CLOCK._replace(path="a member of the body", done=True)


def test_they_are_added_up_by_place(opened: Opener) -> None:
    ledger = opened()
    other = CLOCK._replace(start=50, stop=60, kind="an id", lost=5)
    for number in range(10):
        ledger.look(looked(*[CLOCK, other][: 1 + number % 2], at=NOW - number))
    ledger.look(looked())
    assert found(ledger) == [
        Found("a", "s", "m", *CLOCK[:6], 10, 11, 118_400, 122_120, NOW - 9, NOW, 10),
        Found("a", "s", "m", *other[:6], 5, 11, 25, 61_060, NOW - 9, NOW - 1, 5),
    ]
    assert found(ledger)[0].done is False


def test_one_of_a_sample_counts_for_those_that_it_stands_for(opened: Opener) -> None:
    ledger = opened()
    ledger.look(looked(CLOCK))
    ledger.look(looked(CLOCK)._replace(weight=8))
    ledger.look(looked()._replace(weight=8))
    assert found(ledger) == [Found("a", "s", "m", *CLOCK[:6], 9, 17, 9 * 11_840, 9 * 12_212, NOW, NOW, 9)]


@pytest.mark.parametrize("other", [{"namespace": "b"}, {"stream": "t"}, {"model": "n"}])
def test_namespaces_streams_and_models_are_apart(opened: Opener, other: dict[str, str]) -> None:
    ledger = opened()
    ledger.look(looked(CLOCK))
    ledger.look(looked(CLOCK, **other))
    ledger.look(looked(**other))
    assert sorted((f.seen, f.requests) for f in found(ledger)) == [(1, 1), (1, 2)]
    assert len(found(ledger, "a")) == (1 if "namespace" in other else 2)
    assert found(ledger, "nobody") == []


def test_what_nobody_repairs_comes_first(opened: Opener) -> None:
    ledger = opened()
    done = CLOCK._replace(done=True, lost=99_999)
    ledger.look(looked(done, CLOCK))
    assert [f.done for f in found(ledger)] == [False, True]
    for number in range(9):
        ledger.look(looked(CLOCK._replace(start=number, lost=number)))
    assert [f.lost for f in found(ledger)] == [11_840, 8, 7, 6, 5]


def test_they_survive_a_restart_and_old_ones_go(opened: Opener) -> None:
    now = [NOW]
    first = opened()
    first.look(looked(CLOCK))
    first.close()
    ledger = opened(max_age_days=30, clock=lambda: now[0])
    assert len(found(ledger)) == 1
    now[0] += RECENTLY + 1
    assert found(ledger) == [], "it was not seen for a week"
    ledger.look(looked(CLOCK, at=now[0]))
    assert [f.seen for f in found(ledger)] == [2]
    now[0] += 31 * 86400.0
    ledger.add(row(at=now[0]))
    ledger.flush()
    ledger.look(looked(CLOCK, at=now[0]))
    assert [(f.seen, f.requests) for f in found(ledger)] == [(1, 1)]


def test_both_tables_are_bounded(opened: Opener, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "MOST_STREAMS", 5)
    monkeypatch.setattr(findings, "MOST_FINDINGS", 7)
    ledger = opened()
    for number in range(40):
        ledger.look(looked(CLOCK._replace(start=number), at=NOW + number, stream=f"s{number}"))
    ledger.flush()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT stream FROM streams")}
        starts = {start for (start,) in connection.execute("SELECT start FROM findings")}
    assert names == {f"s{n}" for n in range(35, 40)}
    assert starts == set(range(33, 40))


def of_version(path: Path, *migrations: tuple[str, ...]) -> sqlite3.Connection:
    """A ledger as it was, to write to."""
    old = open_file(path, Schema(0x45764C31, migrations))
    old.reader.close()
    return old.writer


def test_a_ledger_of_before_is_brought_up(path: Path, opened: Opener) -> None:
    of_version(path, VERSION_1).close()
    ledger = opened()
    ledger.add(row())
    ledger.look(looked(CLOCK))
    assert len(found(ledger)) == len(ledger.rows()) == 1


def test_findings_of_before_are_kept_as_estimated(path: Path, opened: Opener) -> None:
    with contextlib.closing(of_version(path, VERSION_1, VERSION_2)) as old:
        old.execute(
            f"INSERT INTO findings VALUES ({', '.join('?' * 14)})", ("a", "s", "m", *CLOCK[:6], 1, 5, 9, NOW, NOW)
        )
    ledger = opened()
    assert found(ledger) == [Found("a", "s", "m", *CLOCK[:6], 1, 1, 5, 9, NOW, NOW, 0)]
    ledger.look(looked(CLOCK))
    assert [(f.seen, f.calibrated) for f in found(ledger)] == [(2, 1)]


@pytest.mark.parametrize(
    ("calibrated", "counted"),
    [((True, True), "calibrated"), ((False, True), "partly calibrated"), ((False, False), "estimated")],
)
def test_it_is_told_how_tokens_were_counted(opened: Opener, calibrated: tuple[bool, bool], counted: str) -> None:
    ledger = opened()
    for each in calibrated:
        ledger.look(looked(CLOCK._replace(calibrated=each)))
    ledger.add(row())
    told = stats(ledger.sums(), PRICES)
    assert told["findings"][0]["counted"] == counted
    assert f", tokens {counted}" in shown(told)
    assert "calibrated" not in told["findings"][0], "how many of them is nobody's business"


def day(opened: Opener, *, days: float = 0.5, done: bool = False) -> Ledger:
    """412 requests; in 395 of them there is a clock."""
    ledger = opened()
    for number in range(412):
        at = NOW - days * 86400 * (411 - number) / 411
        ledger.look(looked(*[CLOCK._replace(done=done)][: number < 395], at=at))
    ledger.add(row())
    return ledger


def test_a_price_by_hand(opened: Opener) -> None:
    (told,) = stats(day(opened).sums(), PRICES)["findings"]
    assert told["a_day"] == pytest.approx(395 * 11_840 * (0.25 - 0.025) / 1e6)  # of the first day: so far
    assert told["says"] == (
        "`system` char 18-37 is a clock; it made 11,840 of 12,212 tokens uncachable in 96 % of 412 requests"
    )
    assert (told["seen"], told["requests"], told["lost"], told["total"]) == (395, 412, 11_840, 12_212)
    assert (told["place"], told["currency"], told["stream"], told["model"]) == ("system char 18-37", "USD", "s", "m")
    assert "namespace" not in told


def test_over_several_days_it_is_the_mean(opened: Opener) -> None:
    (told,) = stats(day(opened, days=4).sums(), PRICES)["findings"]
    assert told["a_day"] == pytest.approx(395 * 11_840 * 0.225 / 1e6 / 4)


@pytest.mark.parametrize("prices", [None, Prices(""), Prices("no-such-model")])
def test_without_a_price_it_is_told_all_the_same(opened: Opener, prices: Prices | None) -> None:
    told = stats(day(opened).sums(), prices)
    assert told["findings"][0]["a_day"] is None
    assert "96 % of 412 requests  m, stream s" in shown(told)


def test_the_screen(opened: Opener) -> None:
    told = stats(day(opened).sums(), PRICES)
    line = (
        "`system` char 18-37 is a clock; it made 11,840 of 12,212 tokens uncachable in 96 % of 412 requests: "
        "1.05 USD a day"
    )
    assert line in shown(told)
    assert line in shown(told, render_findings)
    assert max(map(len, shown(told, width=80).splitlines())) <= 80


def test_what_was_repaired_says_so(opened: Opener) -> None:
    text = shown(stats(day(opened, done=True).sums(), PRICES), render_findings)
    assert "it would have made 11,840 of 12,212 tokens uncachable" in text
    assert "repaired on the way" in text


def test_nothing_found(opened: Opener) -> None:
    ledger = opened()
    ledger.add(row())
    told = stats(ledger.sums(), PRICES)
    assert "Nothing was found" in shown(told, render_findings)
    assert "out of a provider" not in shown(told)


def test_money_a_day() -> None:
    assert [a_day(value, "USD") for value in (0, 0.00123, 0.01, 3.1, 1234)] == [
        "0.00 USD a day", "0.0012 USD a day", "0.01 USD a day", "3.10 USD a day", "1,234.00 USD a day",
    ]  # fmt: skip
