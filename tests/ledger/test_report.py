from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.ledger.book import Ledger
from everwarm.ledger.prices import Prices
from everwarm.ledger.report import RECENT_FIELDS, stats
from everwarm.ledger.sums import MODEL_KINDS, Sums, Tally, latency
from everwarm.store.protocol import Accounting, Faults
from ledger_rows import NOW, row

PRICES = Prices("gpt-5-mini")  # $0.25, cached $0.025, output $2 per million


def sums(tallies: dict[tuple[str, str], Tally]) -> Sums:
    return Sums(None, NOW - 60, NOW, tallies, latency([(2.0, 1.0)]), latency([(300.0, 30.0), (100.0, 10.0)]), [])


def test_a_day_by_hand(opened: Callable[..., Ledger]) -> None:
    ledger = opened()
    for each in (
        row(at=NOW - 9, prompt=1000, output=50, prefill_ms=500.0),  # cold: 2 tokens a ms
        row(at=NOW - 8, prompt=1000, output=50, prefix_cached=800, prefill_ms=100.0),  # 200 in 100 ms
        row(at=NOW - 7, cache="hit", prompt=1000, output=50, saved_ms=700.0, total_ms=2.0, ttft_ms=1.0),
        row(at=NOW - 6, cache="hit", prompt=1000, output=50, saved_ms=800.0, total_ms=4.0, ttft_ms=3.0),
        row(at=NOW - 5, cache="joined", prompt=1000, output=50, saved_ms=400.0),
        row(at=NOW - 4, cache="bypass", prompt=1000, output=50),
        row(at=NOW - 3, status=400, cache="", model="", prompt=0, output=0),
    ):
        ledger.add(each)
    told = stats(ledger.sums(), PRICES, Accounting(3, 4000), Faults(1, 2, 3))
    recent = told.pop("recent")
    assert told == {
        "version": 1,
        "namespace": None,
        "since": NOW - 9,
        "until": NOW,
        "requests": 7,
        "errors": 1,
        "layers": {
            # 5 requests could have been answered from the cache: 2 hits, 1 joined, 2 misses
            "exact": {"requests": 2, "hit_rate": 0.4, "tokens_saved": 2100, "seconds_saved": 1.5},
            "flight": {"requests": 1, "hit_rate": 0.2, "tokens_saved": 1050, "seconds_saved": 0.4},
            # 800 of 3000 prompt tokens; 1200 tokens took 600 ms, so 800 would have taken 400
            "prefix": {
                "requests": 1,
                "hit_rate": 0.266667,
                "tokens_saved": 800,
                "seconds_saved": 0.4,
                "estimated": True,
            },
        },
        "tokens": {
            "asked": {"prompt": 6000, "output": 300},
            "computed": {"prompt": 2200, "output": 150},
            "saved": {"prompt": 3800, "output": 150},
        },
        "seconds_saved": 2.3,
        "money": {
            "prices_of": "gpt-5-mini",
            "provider": "openai",
            "currency": "USD",
            "without": 0.0021,  # 6000 * .25 + 300 * 2 millionths
            "with": 0.00087,  # 2200 * .25 + 800 * .025 + 150 * 2
            "saved": 0.00123,
        },
        "findings": [],
        "latency_ms": {
            "hit": {"n": 2, "p50": 2.0, "p95": 4.0, "ttft": {"p50": 1.0, "p95": 3.0}},
            "miss": {"n": 3, "p50": 250.0, "p95": 250.0, "ttft": {"p50": 50.0, "p95": 50.0}},
        },
        "store": {"entries": 3, "bytes": 4000, "corrupt": 1, "unreadable": 2, "unwritten": 3},
    }
    assert [r["at"] for r in recent] == [NOW - n for n in (3, 4, 5, 6, 7, 8, 9)]
    assert tuple(recent[0]) == RECENT_FIELDS


def test_nothing_yet() -> None:
    told = stats(Sums("public", NOW, NOW, {}, latency([]), latency([]), []), PRICES)
    assert told["namespace"] == "public"
    assert told["requests"] == told["errors"] == told["seconds_saved"] == 0
    assert told["layers"]["exact"] == {"requests": 0, "hit_rate": 0.0, "tokens_saved": 0, "seconds_saved": 0.0}
    assert told["layers"]["prefix"]["hit_rate"] == 0.0
    assert told["money"]["saved"] == 0.0
    assert told["store"] is None
    json.dumps(told, allow_nan=False)


def test_a_model_without_a_measured_rate_saves_no_estimated_time() -> None:
    told = stats(
        sums(
            {
                ("inside", "miss"): Tally(2, NOW, 300, 10, prefixed=1, cached=100, prefilled=200, prefill_ms=100.0),
                ("inside", "bypass"): Tally(1, NOW, 200, 10, prefixed=1, cached=100),  # the same model: the same rate
                ("far", "miss"): Tally(2, NOW, 9000, 10, prefixed=1, cached=9000),
            }
        ),
        None,
    )
    assert told["layers"]["prefix"]["seconds_saved"] == 0.1
    assert told["layers"]["prefix"]["tokens_saved"] == 9200


@pytest.mark.parametrize(
    ("prices", "why"),
    [(None, "No model is named"), (Prices(""), "No model is named"), (Prices("gpt-5-mni"), "Did you mean gpt-5-mini")],
)
def test_without_prices_it_says_why(prices: Prices | None, why: str) -> None:
    told = stats(sums({("m", "hit"): Tally(1, NOW, 100, 20)}), prices)
    assert told["money"] is None
    assert why in told["why"]


def numbers(value: Any) -> bool:
    """Every figure is a number, and none of them is negative."""
    if isinstance(value, dict):
        return all(numbers(v) for v in value.values())
    return not isinstance(value, (int, float)) or value >= 0


COUNT = st.integers(0, 10**12)
TALLIES = st.dictionaries(
    st.tuples(st.sampled_from(["m", "n"]), st.sampled_from(["hit", "joined", *MODEL_KINDS, "refused"])),
    st.builds(
        lambda prompt, output, share, saved, rate: (prompt, output, share, saved, rate),
        COUNT, COUNT, st.floats(0, 1), st.floats(0, 1e12), st.floats(0, 1e6),
    ),
)  # fmt: skip


@given(TALLIES)
def test_asked_is_computed_and_saved(drawn: dict[tuple[str, str], tuple[int, int, float, float, float]]) -> None:
    tallies = {}
    for (model, kind), (prompt, output, share, saved_ms, rate) in drawn.items():
        asked = kind in MODEL_KINDS
        cached = int(prompt * share) if asked else 0
        tallies[model, kind] = (
            Tally(1, NOW)
            if kind == "refused"
            else Tally(1, NOW, prompt, output, int(cached > 0), cached, saved_ms, prompt - cached if asked else 0, rate)
        )
    told = stats(sums(tallies), PRICES)
    tokens, layers = told["tokens"], told["layers"]
    for part in ("prompt", "output"):
        assert tokens["asked"][part] == tokens["computed"][part] + tokens["saved"][part]
    assert sum(tokens["saved"].values()) == sum(layer["tokens_saved"] for layer in layers.values())
    assert told["money"]["saved"] == pytest.approx(told["money"]["without"] - told["money"]["with"], abs=1e-9)
    assert all(0 <= layer["hit_rate"] <= 1 for layer in layers.values())
    assert numbers(told)
    json.dumps(told, allow_nan=False)
