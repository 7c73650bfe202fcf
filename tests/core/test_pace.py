"""How long steps take."""

from __future__ import annotations

import pytest

from everwarm.core.pace import Pace
from everwarm.core.trust import MEASURED


def test_a_guess_is_forgotten_and_steps_of_any_rows_tell_of_all() -> None:
    pace = Pace(MEASURED, 1.0)
    assert pace.of(8) == MEASURED(8)
    for rows in (1, 4, 16, 8):
        pace.took(rows, 0.02 * MEASURED(rows))
        assert pace.seconds == pytest.approx(0.02)
    assert pace.of(32) == pytest.approx(0.02 * MEASURED(32))


def test_one_slow_step_changes_little_and_many_change_all() -> None:
    pace = Pace(MEASURED, 1.0)
    for _ in range(20):
        pace.took(1, 0.02)
    pace.took(1, 0.04)
    assert 0.02 < pace.seconds < 0.023
    for _ in range(40):
        pace.took(1, 0.04)
    assert pace.seconds == pytest.approx(0.04, rel=0.01)
