"""What is known of a place in a stream's system prompt where texts differ: how often it changes, whether it moves.

A value that changes within a conversation is ``dynamic``, one that changes only between conversations ``session``. How
sure that is, is said beside it: one observation is little, and a clock that is recognised as one needs fewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple
from zlib import crc32

from everwarm.core.layout.piece import Path

Stability = Literal["static", "session", "dynamic"]

UNKNOWN: Final = "text that changes"
"""The kind of what no recogniser knows."""

DISTINCT: Final = 8
"""Different values that are told apart; more are as good as endless."""

OFTEN: Final = 0.3
"""Of the requests of a conversation: a value that changes in so many of them is dynamic."""


class Share(NamedTuple):
    """How often something happened."""

    times: int = 0
    of: int = 0

    def plus(self, happened: bool) -> Share:
        """One observation more."""
        return Share(self.times + happened, self.of + 1)

    @property
    def rate(self) -> float:
        """0 where nothing was observed."""
        return self.times / self.of if self.of else 0.0


NEVER: Final = Share()


@dataclass(slots=True)
class Slot:
    """One place. ``moved``: its values are sent at the end of turns; once decided it stays so."""

    name: str
    kind: str = UNKNOWN
    path: Path = ()  # of the piece that holds it
    at: tuple[int, int] = (0, 0)  # where in that piece, in characters, when the slot was found; later values may differ
    within: Share = NEVER  # changes, of requests that follow another of the same conversation
    between: Share = NEVER  # changes, of conversations that follow another
    marks: list[int] = field(default_factory=list)  # of the different values, at most DISTINCT
    moved: bool = False

    def note(self, mark: int, before: int | None, same_talk: bool) -> None:
        """A value was seen; ``before``: the mark of the one to compare it with."""
        if mark not in self.marks and len(self.marks) < DISTINCT:
            self.marks.append(mark)
        if before is None:
            return
        if same_talk:
            self.within = self.within.plus(mark != before)
        else:
            self.between = self.between.plus(mark != before)

    @property
    def stability(self) -> Stability:
        """How long a value lasts."""
        if self.within.times and self.within.rate >= OFTEN:
            return "dynamic"
        return "session" if len(self.marks) > 1 else "static"

    @property
    def confidence(self) -> float:
        """0 ... 1: how sure ``stability`` is, by the number of observations (Laplace's rule of succession)."""
        seen = self.within if self.within.of else self.between
        agreeing = seen.times if self.stability == "dynamic" else seen.of - seen.times
        if not self.within.of:
            agreeing = seen.times
        return (agreeing + 1) / (seen.of + 2)

    @property
    def proven(self) -> bool:
        """Whether its values surely come and go. A recognised kind needs two; of what nobody knows three different ones
        must have come in quick change: else a new version of the prompt, or one of two, would be taken for data."""
        if self.kind != UNKNOWN:
            return len(self.marks) >= 2
        quick = self.within.rate >= OFTEN or (self.between.of >= 2 and self.between.rate >= 0.5)
        return len(self.marks) >= 3 and quick

    def stand(self, path: Path, start: int, end: int) -> None:
        """It was found there; where it is found first counts, so that findings of all requests name one place."""
        if not self.path:
            self.path, self.at = path, (start, end)

    def inherit(self, others: Sequence[Slot]) -> None:
        """It takes the place of others, after a template has grown wider."""
        for other in others:
            self.moved |= other.moved
            self.within = max(self.within, other.within, key=lambda s: s.of)
            self.between = max(self.between, other.between, key=lambda s: s.of)
            self.marks = max(self.marks, other.marks, key=len)

    def dump(self) -> dict[str, Any]:
        """For a note."""
        counts = [*self.within, *self.between]
        place = {"path": list(self.path), "at": list(self.at)}
        found = {"name": self.name, "kind": self.kind, **place}
        return {**found, "counts": counts, "marks": self.marks, "moved": self.moved}

    @classmethod
    def load(cls, value: dict[str, Any]) -> Slot:
        """From a note. Raises ``KeyError``, ``TypeError`` or ``ValueError`` where it is none."""
        a, b, c, d = (int(n) for n in value["counts"])
        marks = [int(m) for m in value["marks"]][:DISTINCT]
        path = tuple(step if isinstance(step, int) else str(step) for step in value["path"])
        start, end = (int(n) for n in value["at"])
        name, kind = str(value["name"]), str(value["kind"])
        return cls(name, kind, path, (start, end), Share(a, b), Share(c, d), marks, bool(value["moved"]))


def mark(value: str) -> int:
    """Stands for a value, in every process alike. Two values with one mark are taken for the same: that is only
    statistics."""
    return crc32(value.encode("utf-8", "surrogatepass"))
