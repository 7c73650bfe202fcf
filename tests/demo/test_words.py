from __future__ import annotations

import pytest

from everwarm.demo.words import count, duration, percent, plural, shortened


@pytest.mark.parametrize(
    ("ms", "said"),
    [
        (0, "0.0 ms"),
        (2.44, "2.4 ms"),
        (9.96, "10 ms"),
        (31.2, "31 ms"),
        (999.4, "999 ms"),
        (999.6, "1.0 s"),
        (59_940, "59.9 s"),
        (59_960, "1 min 00 s"),
        (125_000, "2 min 05 s"),
        (-1500, "-1.5 s"),
    ],
)
def test_durations(ms: float, said: str) -> None:
    assert duration(ms) == said


def test_numbers() -> None:
    assert count(1234567.4) == "1,234,567"
    assert percent(1, 3) == "33.3 %"
    assert percent(0, 0) == "0 %"
    assert [plural(n, "request") for n in (0, 1, 1200)] == ["0 requests", "1 request", "1,200 requests"]


def test_shortened_keeps_the_bound() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("ab cd", 4) == "ab…"
