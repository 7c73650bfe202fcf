from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from everwarm.ledger.prices import Prices
from everwarm.ledger.report import render, stats
from everwarm.ledger.screen import amount, duration, short, size
from everwarm.ledger.sums import Sums, Tally, latency
from everwarm.store.protocol import Accounting, Faults
from ledger_rows import NOW


def shown(told: dict[str, Any], width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width).print(render(told))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def large() -> dict[str, Any]:
    """The widest figures that are likely."""
    many = 10**11
    tallies = {
        ("m", "hit"): Tally(10**9, NOW, many, many, saved_ms=1e12),
        ("m", "joined"): Tally(10**9, NOW, many, many, saved_ms=1e12),
        ("m", "miss"): Tally(10**9, NOW, many, many, 10**9, many // 2, prefilled=many // 2, prefill_ms=1e10),
        ("m", "failed"): Tally(12_345, NOW),
    }
    sums = Sums("ab" * 16, NOW - 86400 * 30, NOW, tallies, latency([(2.0, 1.0)]), latency([(30_000.0, 30.0)]), [])
    return stats(sums, Prices("claude-sonnet-4-5"), Accounting(10**7, 10**12), Faults(1, 2, 3))


def test_nothing_yet_says_so() -> None:
    told = stats(Sums(None, NOW, NOW, {}, latency([]), latency([]), []), None)
    assert shown(told) == ["Nothing was asked yet. This fills once requests come in."]


def test_it_fits_one_screen_of_80_columns() -> None:
    lines = shown(large())
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for word in (
        "exact",
        "flight",
        "prefix",
        "33.3%",
        "prompt tokens",
        "claude-sonnet-4-5",
        "1 corrupt",
        "~",
        "1.0 TB",
    ):
        assert word in text
    assert "…" not in text


def test_what_is_missing_is_said() -> None:
    told = stats(
        Sums(None, NOW, NOW, {("m", "miss"): Tally(1, NOW, 5, 5)}, latency([]), latency([]), []), Prices("gpt-5-mni")
    )
    text = " ".join(" ".join(shown(told)).split())
    assert "1 request" in text
    assert "Did you mean gpt-5-mini" in text
    assert "estimated" not in text
    assert "store" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (9_999, "9,999"),
        (10_000, "10.0 k"),
        (123_456, "123 k"),
        (999_999, "1.00 M"),
        (4_560_000, "4.56 M"),
        (1.5e9, "1.50 G"),
        (2e12, "2.00 T"),
    ],
)
def test_counts(value: float, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (0.0012, "1.2 ms"),
        (0.34, "340 ms"),
        (0.9996, "1.0 s"),
        (12.34, "12.3 s"),
        (270, "4.5 min"),
        (24_120, "6.7 h"),
        (8.64e6, "100.0 d"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_money_and_sizes() -> None:
    assert amount(1234.5, "USD", 2) == "$1,234.50"
    assert amount(0.000123, "EUR", 6) == "EUR 0.000123"
    assert (size(999), size(1500), size(2_500_000), size(3 * 10**9), size(10**12)) == (
        "999 B",
        "1.5 kB",
        "2.5 MB",
        "3.0 GB",
        "1.0 TB",
    )
