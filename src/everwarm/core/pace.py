"""How long a model's steps take, from those that were taken."""

from __future__ import annotations

from typing import Final

from everwarm.core.trust import Costs

_MEMORY: Final = 8
"""Steps: each that is seen counts 1/8 of what is believed, so one slow step does not change much."""


class Pace:
    """Of the steps of one model. ``costs``: what a step costs by its rows, in steps of one row."""

    def __init__(self, costs: Costs, seconds: float) -> None:
        """``seconds``: of a step of one row. A guess is enough: it is forgotten with the first step that is seen."""
        self.seconds = seconds
        self._seen = 0
        self.costs = costs

    def of(self, rows: int) -> float:
        """Seconds of a step of so many rows."""
        return self.seconds * self.costs(rows)

    def took(self, rows: int, seconds: float) -> None:
        """A step of so many rows took so long."""
        self._seen = min(self._seen + 1, _MEMORY)
        self.seconds += (seconds / self.costs(rows) - self.seconds) / self._seen
