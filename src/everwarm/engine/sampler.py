"""From logits to a token."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

import numpy as np

from everwarm.core.wire import Sampling
from everwarm.engine.grammar import Constraint

Logits = np.ndarray[Any, np.dtype[np.float32]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Ids = np.ndarray[Any, np.dtype[np.int64]]

BAN = -100.0
ONLY = 100.0
"""The ends of the range of ``logit_bias``: such a token is never chosen, or nothing but such tokens is."""

DEFAULT_TEMPERATURE = 1.0
DEFAULT_TOP_P = 1.0

_SHORTLIST = 1024  # tokens among which the nucleus is looked for first


class Sampler:
    """Chooses the tokens of one choice of one answer. Pure but for the bits of its generator.

    At temperature 0 it takes the highest logit, of equal ones the lowest id. Else it draws: with a seed, always the
    same tokens from the same logits. Bias and penalties count at any temperature; penalties are OpenAI's, over the
    tokens of this answer: ``logit - count * frequency_penalty - (count > 0) * presence_penalty``.

    With a ``constraint``, which is this choice's own, it takes only tokens that go on with the format. A bias that bans
    all of these gives way to it.
    """

    def __init__(
        self, sampling: Sampling, vocabulary: int, choice: int = 0, constraint: Constraint | None = None
    ) -> None:
        self._temperature = DEFAULT_TEMPERATURE if sampling.temperature is None else sampling.temperature
        self._top_p = DEFAULT_TOP_P if sampling.top_p is None else sampling.top_p
        self._frequency = sampling.frequency_penalty or 0.0
        self._presence = sampling.presence_penalty or 0.0
        self._counts = np.zeros(vocabulary, np.int64) if self._frequency or self._presence else None
        self._bias = _bias(sampling)
        self._random = _generator(sampling.seed, choice)
        self._constraint = constraint

    def choose(self, logits: Logits) -> int:
        """The next token, given the logits of the whole vocabulary, shape [vocabulary]. They are not changed."""
        constraint = self._constraint
        token = self._pick(self._adjusted(logits) if constraint is None else self._held(logits, constraint))
        if constraint is not None:
            constraint.accept(token)
        if self._counts is not None:
            self._counts[token] += 1
        return token

    def likeliest(self, logits: Logits) -> int:
        """The token that is likeliest after bias and penalties. Nothing is chosen, and no random bit is drawn."""
        return int(self._adjusted(logits).argmax())

    def _held(self, logits: Logits, constraint: Constraint) -> Logits | Floats:
        allowed = constraint.allow(logits)
        adjusted = self._adjusted(allowed)
        return allowed if adjusted.max() == -np.inf else adjusted

    def _adjusted(self, logits: Logits) -> Logits | Floats:
        if self._counts is None and self._bias is None:
            return logits
        adjusted: Logits | Floats = logits.copy() if self._counts is None else logits.astype(np.float64)
        if self._counts is not None:
            adjusted -= self._counts * self._frequency + (self._counts > 0) * self._presence
        return adjusted if self._bias is None else self._bias.added_to(adjusted)

    def _pick(self, logits: Logits | Floats) -> int:
        if self._temperature == 0:
            return int(logits.argmax())
        weights = _weights(logits, self._temperature)
        if self._top_p >= 1:
            return self._draw(weights)
        ids = nucleus(weights / weights.sum(), self._top_p)
        return int(ids[self._draw(weights[ids])])

    def _draw(self, weights: Floats) -> int:
        """An index, with a chance in proportion to its weight. Weights of zero are never drawn."""
        cumulated = weights.cumsum()
        place = self._random.random() * cumulated[-1]
        index = int(cumulated.searchsorted(place, side="right"))
        return index if index < len(weights) else int(np.flatnonzero(weights)[-1])


def nucleus(probabilities: Floats, top_p: float) -> Ids:
    """Ids of the fewest tokens that together have at least ``top_p``: the likeliest first, equal ones by id."""
    size = len(probabilities)
    if size > _SHORTLIST:
        least = np.partition(probabilities, size - _SHORTLIST)[size - _SHORTLIST]
        ids = _fewest(probabilities, np.flatnonzero(probabilities >= least), top_p)
        if ids is not None:
            return ids
    everything = np.arange(size)
    ids = _fewest(probabilities, everything, top_p)
    return everything if ids is None else ids  # None: the sum fell short of top_p by rounding


def _fewest(probabilities: Floats, ids: Ids, top_p: float) -> Ids | None:
    """The nucleus if it lies within ``ids``, which are in rising order and hold the likeliest tokens."""
    order = ids[np.argsort(-probabilities[ids], kind="stable")]
    cumulated = probabilities[order].cumsum()
    if cumulated[-1] < top_p:
        return None
    return order[: int(cumulated.searchsorted(top_p)) + 1]


def _weights(logits: Logits | Floats, temperature: float) -> Floats:
    """Softmax of ``logits / temperature`` before it is divided by its sum; the greatest weight is 1."""
    scaled = logits.astype(np.float64)
    scaled -= scaled.max()
    with np.errstate(over="ignore"):  # next to nothing is greedy: all but the best become -inf, and their weight 0
        scaled /= temperature
    return np.asarray(np.exp(scaled))


class _Bias(NamedTuple):
    """``logit_bias`` as what it changes: a few of fifty thousand logits."""

    tokens: Ids
    values: Floats
    only: bool  # nothing but these tokens may be chosen

    def added_to(self, logits: Logits | Floats) -> Logits | Floats:
        """``logits`` themselves, changed."""
        rows = logits[self.tokens] + self.values
        if self.only:
            logits.fill(-np.inf)
        logits[self.tokens] = rows
        return logits


def _bias(sampling: Sampling) -> _Bias | None:
    if not sampling.logit_bias:
        return None
    chosen = [token for token, value in sampling.logit_bias.items() if value >= ONLY]
    if chosen:
        return _Bias(np.array(chosen), np.zeros(len(chosen)), only=True)
    values = [-np.inf if value <= BAN else value for value in sampling.logit_bias.values()]
    return _Bias(np.array(list(sampling.logit_bias)), np.array(values), only=False)


def _generator(seed: int | None, choice: int) -> np.random.Generator:
    """Another stream of bits for each choice. No seed: one from the system."""
    root = secrets.randbits(64) if seed is None else seed & (2**64 - 1)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((root, choice))))
