"""How many tokens a text has for a model whose tokenizer is not public: learned from the usage that is reported of it.

    tokens = messages * a + ascii * b + narrow * c + wide * d        (see ``extent``)

a ... d are fitted as answers come, by least squares that begin at what is common among tokenizers (recursive least
squares, or a Kalman filter whose state stands still). Where the traffic says nothing of a class, of Japanese among
English say, its weight stays what it was. What that is worth beside a ratio of characters: docs/tokens.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, sqrt
from typing import Any, Final, NamedTuple

import orjson

from everwarm.core.extent import Extent

VERSION: Final = 1
"""Of a calibration's note. Another one is not read: it is learned again."""

PRIOR: Final = (6.0, 1 / 3.8, 0.5, 0.8)
"""Tokens for a message, and for a character of each class: o200k and cl100k, prose and code."""

SPREAD: Final = (20.0, 0.1, 0.3, 0.3)
"""By how much models differ in that: one standard deviation."""

NOISE: Final = 0.05
"""Part of a prompt's tokens that no such sum explains: one standard deviation."""

DRIFT: Final = 1e-4
"""Part of the first uncertainty that comes back with each answer, so that a model which changes is followed."""

CLIP: Final = 3.0
"""Standard deviations beyond which a surprise counts no more: images, documents that the provider reads for itself."""

LEAST: Final = 100
"""Tokens below which a prompt is as uncertain as one of so many: a provider may add some of its own."""

UNKNOWN: Final = 0.3
"""How far an estimate may be off of which nothing was learned, as a part of it."""

PART: Final = 0.12
"""How far parts of prompts are off at the median, in real sessions where whole ones are by less than one percent."""

MEMORY: Final = 50
"""Answers over which errors are averaged."""


class Estimate(NamedTuple):
    """Tokens of a text, and how sure that is."""

    tokens: int
    error: float  # as a part of ``tokens``
    answers: int  # from which it was learned


class Calibration:
    """Of one model. ``error``: how far its predictions were off, each made before the answer was seen."""

    def __init__(self) -> None:
        self.answers = 0
        self.error = UNKNOWN
        self._weights = list(PRIOR)
        self._variance = [[s * s if i == j else 0.0 for j in range(len(SPREAD))] for i, s in enumerate(SPREAD)]
        self._mixture = [0.0] * len(PRIOR)  # of the prompts seen, the newest counting most

    def learn(self, extent: Extent, tokens: int) -> None:
        """A prompt of ``extent`` had so many tokens. Nothing is learned of one that is empty. 30 microseconds."""
        if tokens <= 0 or not extent.characters:
            return
        off = abs(self._expect(extent) - tokens) / tokens
        self.answers += 1
        share = 1 / min(self.answers, MEMORY)
        self.error += (min(off, 1.0) - self.error) * share
        self._mixture = [m + (x - m) * share for m, x in zip(self._mixture, extent, strict=True)]
        self._fit(extent, tokens)

    def estimate(self, extent: Extent) -> Estimate:
        """Of a text that may be a part of a prompt."""
        return self._estimate(self._expect(extent))

    def tokens_of(self, characters: int) -> Estimate:
        """Of so many characters, of which no more is known than that they are like those of the prompts seen."""
        if not self.answers:
            return self._estimate(characters * PRIOR[1])
        return self._estimate(characters * self._expect(self._mixture) / sum(self._mixture[1:]))

    def dump(self) -> bytes:
        """For a note."""
        head = {"format": VERSION, "answers": self.answers, "error": self.error}
        return orjson.dumps({**head, "weights": self._weights, "variance": self._variance, "mixture": self._mixture})

    @classmethod
    def load(cls, data: bytes) -> Calibration | None:
        """From a note; None if it is of another format, or damaged."""
        known = cls()
        try:
            value = orjson.loads(data)
            if value["format"] != VERSION:
                return None
            known.answers, known.error = int(value["answers"]), float(value["error"])
            known._weights, known._mixture = _row(value["weights"]), _row(value["mixture"])
            known._variance = [_row(line) for _, line in zip(PRIOR, value["variance"], strict=True)]
        except (KeyError, TypeError, ValueError):
            return None
        return known

    def _estimate(self, tokens: float) -> Estimate:
        return Estimate(round(tokens), max(self.error, PART), self.answers)

    def _expect(self, extent: Sequence[float]) -> float:
        return max(0.0, _dot(self._weights, extent))

    def _fit(self, extent: Extent, tokens: int) -> None:
        """One step of the filter, in units of the noise."""
        unit = NOISE * max(tokens, LEAST)
        for i, spread in enumerate(SPREAD):
            room = spread * spread - self._variance[i][i]
            self._variance[i][i] += max(0.0, min(room, DRIFT * spread * spread))
        row = [x / unit for x in extent]
        gain = [_dot(line, row) for line in self._variance]
        total = 1.0 + _dot(gain, row)
        limit = CLIP * sqrt(total)
        surprise = max(-limit, min(limit, tokens / unit - _dot(self._weights, row)))
        self._weights = [w + g / total * surprise for w, g in zip(self._weights, gain, strict=True)]
        for line, g in zip(self._variance, gain, strict=True):
            line[:] = [v - g * other / total for v, other in zip(line, gain, strict=True)]


def _row(value: Any) -> list[float]:
    """A number for messages and for each class. Raises ``TypeError`` or ``ValueError`` where it is none."""
    row = [float(x) for _, x in zip(PRIOR, value, strict=True)]
    if not all(map(isfinite, row)):
        raise ValueError("a number that is not finite")
    return row


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(one, other, strict=True))
