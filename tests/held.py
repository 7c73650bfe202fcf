"""Answers that a model with no sense at all writes under a constraint: from random logits."""

from __future__ import annotations

import json

import numpy as np

from everwarm.engine.facts import Facts
from everwarm.engine.grammar import Constraint
from everwarm.engine.tokens import token_bytes

HURRY = 40
"""Tokens after which the model, as far as it may, closes what it has opened: random JSON would have no end."""


def write(constraint: Constraint, facts: Facts, seed: int, limit: int = 3000) -> str:
    """The text up to the end token. At each step an end is allowed only if the text is whole, and alone if ``done``."""
    spelled, ends = token_bytes(facts), list(facts.ends)
    chance = np.random.default_rng(seed)
    closing = np.zeros(len(spelled), np.float32)
    closing[ends] = 100
    for rank, piece in enumerate((b'"', b"}", b"]")):
        closing[spelled.index(piece)] = 90 - rank
    text = b""
    for step in range(limit):
        logits = chance.standard_normal(len(spelled), np.float32)
        allowed = constraint.allow(logits + closing if step > HURRY else logits)
        if np.isfinite(allowed[ends]).any():
            json.loads(text)
        if constraint.done:
            assert not np.isfinite(np.delete(allowed, ends)).any()
        token = int(allowed.argmax())
        constraint.accept(token)
        if token in ends:
            return text.decode()
        assert not constraint.done or not _open(text + spelled[token])
        text += spelled[token]
    raise AssertionError(f"no end after {limit} tokens: {text[:200]!r}")


def _open(text: bytes) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return True
    return False
