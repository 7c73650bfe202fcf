from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everwarm.ledger import book
from everwarm.ledger.book import Ledger
from everwarm.ledger.record import Row
from everwarm.ledger.sums import MODEL_KINDS, Quantiles, Tally, quantiles
from everwarm.ledger.tables import used_bytes
from everwarm.store.protocol import Faults
from ledger_rows import NOW, row

HOUR, DAY = 3600.0, 86400.0
Opener = Callable[..., Ledger]


def test_rows_come_back_as_they_were_newest_first(opened: Opener) -> None:
    ledger = opened()
    added = [row(at=NOW + n, stream=bool(n % 2), model=f"m{n}", reason="größe") for n in range(60)]
    for each in added:
        ledger.add(each)
    assert ledger.rows() == added[:9:-1]
    assert ledger.rows(limit=2) == added[:57:-1]
    assert type(ledger.rows()[0].stream) is bool
    assert ledger.rows(since=NOW + 58) == added[:57:-1]


def test_they_survive_a_restart(opened: Opener) -> None:
    first = opened()
    first.add(row())
    first.close()
    assert opened().rows() == [row()]


def test_a_namespace_sees_its_own(opened: Opener) -> None:
    ledger = opened()
    for space in ("a", "b", "a"):
        ledger.add(row(namespace=space))
    assert [r.namespace for r in ledger.rows("a")] == ["a", "a"]
    assert ledger.sums("a").of().requests == 2
    assert ledger.sums("nobody").of() == Tally()
    assert ledger.sums(None).of().requests == 3
    assert [r.namespace for r in ledger.sums("b").recent] == ["b"]
    assert ledger.sums("b").miss.total.n == 1


def test_sums_of_nothing(opened: Opener) -> None:
    sums = opened().sums()
    assert (sums.since, sums.until, sums.tallies, list(sums.recent)) == (NOW, NOW, {}, [])
    assert sums.hit.total == Quantiles(0, 0.0, 0.0)


def test_what_each_kind_counts(opened: Opener) -> None:
    ledger = opened()
    for each in (
        row(prefix_cached=60, prefill_ms=8.0, saved_ms=99.0),  # no time was saved here that was measured
        row(cache="hit", prefix_cached=60, saved_ms=240.0, prefill_ms=9.0),
        row(cache="joined", saved_ms=100.0),
        row(cache="bypass", prefix_cached=1000),  # more than there were: all 100
        row(status=502),  # a model was asked, then it failed
        row(status=502, cache="joined"),
        row(status=400, cache="", prompt=7),
        row(cache="hit", saved_ms=-5.0),  # slower than the original
    ):
        ledger.add(each)
    tallies = ledger.sums().tallies
    assert tallies == {
        ("m", "miss"): Tally(1, NOW, 100, 20, prefixed=1, cached=60, prefilled=40, prefill_ms=8.0),
        ("m", "hit"): Tally(2, NOW, 200, 40, saved_ms=240.0),
        ("m", "joined"): Tally(1, NOW, 100, 20, saved_ms=100.0),
        ("m", "bypass"): Tally(1, NOW, 100, 20, prefixed=1, cached=100),
        ("m", "failed"): Tally(1, NOW, 100, 20),
        ("m", "refused"): Tally(2, NOW),
    }


ROWS = st.lists(
    st.builds(
        row,
        at=st.integers(0, 3 * 3600).map(lambda s: NOW - 3 * HOUR + s),
        namespace=st.sampled_from(["a", "b"]),
        model=st.sampled_from(["m", "n"]),
        cache=st.sampled_from(["hit", "joined", "miss", "bypass", ""]),
        status=st.sampled_from([200, 200, 404, 502]),
        prompt=st.integers(-5, 10**6),
        output=st.integers(0, 10**6),
        prefix_cached=st.integers(-5, 10**6),
        saved_ms=st.integers(-10, 10**6).map(float),
        prefill_ms=st.integers(0, 10**6).map(float),
    ),
    max_size=30,
)


def naive(rows: list[Row]) -> dict[tuple[str, str], Tally]:
    """What the SQL must say, in other words."""
    found: dict[tuple[str, str], Tally] = {}
    for each in rows:
        kind = each.cache if each.cache in ("hit", "joined", "miss") else "bypass"
        if each.status >= 400:
            kind = "failed" if each.cache in ("miss", "bypass") else "refused"
        asked = 0 if kind == "refused" else max(each.prompt, 0)
        cached = min(max(each.prefix_cached, 0), asked) if kind in MODEL_KINDS else 0
        timed = kind in MODEL_KINDS and each.prefill_ms > 0
        found[each.model, kind] = found.get((each.model, kind), Tally()) + Tally(
            requests=1,
            first=each.at,
            prompt=asked,
            output=0 if kind == "refused" else each.output,
            prefixed=int(cached > 0),
            cached=cached,
            saved_ms=max(each.saved_ms, 0.0) if kind in ("hit", "joined") else 0.0,
            prefilled=asked - cached if timed else 0,
            prefill_ms=each.prefill_ms if timed else 0.0,
        )
    return found


@given(
    batches=st.lists(ROWS, max_size=3),
    since=st.one_of(st.none(), st.integers(0, 3 * 3600).map(lambda s: NOW - 3 * HOUR + s)),
    namespace=st.sampled_from([None, "a", "b"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_sums_are_the_sums_of_the_rows(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Row]], since: float | None, namespace: str | None
) -> None:
    """Whatever is asked for, from whichever moment on, however the rows came in batches."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "ledger.db", clock=lambda: NOW)
    try:
        for batch in batches:
            for each in batch:
                ledger.add(each)
            ledger.flush()
        rows = [r for b in batches for r in b if namespace in (None, r.namespace) and (since is None or r.at >= since)]
        sums = ledger.sums(namespace, since)
        assert dict(sums.tallies) == naive(rows)
        assert sums.since == (since if since is not None else min((r.at for r in rows), default=NOW))
    finally:
        ledger.close()


def test_percentiles_by_nearest_rank() -> None:
    assert quantiles([5.0]) == (1, 5.0, 5.0)
    assert quantiles([float(n) for n in range(100, 0, -1)]) == (100, 50.0, 95.0)
    assert quantiles([1.0, 2.0, 3.0]) == (3, 2.0, 3.0)


def test_latency_is_of_answers_only_and_of_the_newest(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "LATENCY_ROWS", 6)
    ledger = opened()
    ledger.add(row(total_ms=9999.0))  # too old
    for each in (
        row(cache="hit", total_ms=2.0, ttft_ms=1.0),
        row(total_ms=300.0, ttft_ms=30.0),
        row(cache="bypass", total_ms=100.0, ttft_ms=10.0),
        row(status=502, total_ms=5.0),
        row(cache="joined", total_ms=50.0),
        row(cache="hit", total_ms=4.0, ttft_ms=3.0),
    ):
        ledger.add(each)
    sums = ledger.sums()
    assert (sums.hit.total, sums.hit.ttft) == ((2, 2.0, 4.0), (2, 1.0, 3.0))
    assert (sums.miss.total, sums.miss.ttft) == ((2, 100.0, 300.0), (2, 10.0, 30.0))


def test_old_rows_go_by_whole_hours_with_their_sums(opened: Opener) -> None:
    now = [NOW]
    ledger = opened(max_age_days=1, clock=lambda: now[0])
    for at in (NOW - DAY - HOUR, NOW - DAY - 1, NOW - DAY, NOW - DAY + 10, NOW):
        ledger.add(row(at=at))
    assert [r.at for r in ledger.rows()] == [NOW, NOW - DAY + 10, NOW - DAY]
    assert ledger.sums().of().requests == 3
    now[0] = NOW + HOUR
    ledger.add(row(at=NOW + HOUR))
    assert [r.at for r in ledger.rows()] == [NOW + HOUR, NOW]
    assert ledger.sums().of().requests == 2
    assert ledger.sums().since == NOW


def test_the_file_stays_within_its_bound_and_the_sums_outlive_the_rows(opened: Opener, path: Path) -> None:
    ledger = opened(max_bytes=200_000)
    for number in range(5000):
        ledger.add(row(at=NOW + number))
        if number % 500 == 0:
            ledger.flush()
    rows = ledger.rows(limit=10_000)
    assert [r.at for r in rows] == [NOW + 4999 - n for n in range(len(rows))]
    assert 500 < len(rows) < 2000
    assert ledger.sums().of().requests == 5000
    ledger.close()
    assert path.stat().st_size < 600_000  # a batch over, before it is pruned
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert used_bytes(connection) <= 200_000


def test_a_bound_too_small_for_anything_is_survived(opened: Opener) -> None:
    ledger = opened(max_bytes=1)
    ledger.add(row())
    assert ledger.rows() == []
    assert ledger.sums().of() == Tally()


def test_a_damaged_file_is_set_aside(opened: Opener, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(b"garbage" * 1000)
    ledger = opened()
    ledger.add(row())
    assert ledger.rows() == [row()]
    assert "is damaged" in caplog.text
    assert ledger.faults() == Faults(0, 1, 0)
    assert [p.name for p in path.parent.glob("*corrupt*")] == ["ledger.db.corrupt-20270115-080000"]


def test_a_row_that_cannot_be_written_is_counted_and_the_others_are_kept(opened: Opener) -> None:
    ledger = opened()
    for model in ("a", "\ud800", "b"):
        ledger.add(row(model=model))
    assert [r.model for r in ledger.rows()] == ["b", "a"]
    assert ledger.sums().of().requests == 2
    assert ledger.faults() == Faults(0, 0, 1)


def test_a_damaged_row_does_not_reach_a_user(opened: Opener, path: Path) -> None:
    ledger = opened()
    ledger.add(row())
    ledger.flush()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE rows SET reason = CAST(x'ff' AS TEXT)")
    assert ledger.rows() == []
    assert ledger.sums().tallies == {}
    assert ledger.faults().unreadable == 2


def test_what_was_flushed_survives_a_kill(path: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
from everwarm.ledger.book import Ledger
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from ledger_rows import row
ledger = Ledger(Path({str(path)!r}))
for number in range(500):
    ledger.add(row(at={NOW} + number))
ledger.flush()
for number in range(500, 5000):
    ledger.add(row(at={NOW} + number))
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    ledger = Ledger(path, clock=lambda: NOW)
    rows = ledger.rows(limit=5000)
    assert len(rows) >= 500
    assert ledger.sums().of().requests == len(rows)
    ledger.close()


def test_closed_it_takes_nothing_and_says_nothing(opened: Opener) -> None:
    ledger = opened()
    ledger.close()
    ledger.add(row())
    assert ledger.rows() == []
    assert ledger.sums().tallies == {}
