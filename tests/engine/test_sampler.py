from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from everwarm.core.wire import Format, Sampling
from everwarm.engine.facts import Facts
from everwarm.engine.grammar import Constraint, Grammars
from everwarm.engine.sampler import Sampler, nucleus
from everwarm.engine.tokens import token_bytes

LOGITS = hnp.arrays(np.float32, st.integers(2, 40), elements=st.floats(-20, 20, width=32))


def draws(logits: np.ndarray, sampling: Sampling, count: int, choice: int = 0) -> list[int]:
    sampler = Sampler(sampling, len(logits), choice)
    return [sampler.choose(logits) for _ in range(count)]


def test_greedy_takes_the_highest_and_of_equal_ones_the_lowest_id() -> None:
    logits = np.array([1, 5, 3, 5], np.float32)
    assert draws(logits, Sampling(temperature=0), 3) == [1, 1, 1]


@given(LOGITS, st.floats(0.01, 1))
def test_the_nucleus_is_the_smallest_set_that_is_enough(logits: np.ndarray, top_p: float) -> None:
    p = np.exp(logits.astype(np.float64))
    p /= p.sum()
    ids = nucleus(p, top_p)
    outside = np.setdiff1d(np.arange(len(p)), ids)
    assert p[ids].sum() >= top_p - 1e-12
    assert p[ids[:-1]].sum() < top_p
    assert not len(outside) or p[outside].max() <= p[ids].min()


@given(st.integers(0, 2**32), st.sampled_from([0.05, 0.5, 0.9, 0.999, 1.0]), st.booleans())
@settings(max_examples=25)
def test_the_nucleus_of_a_large_vocabulary_is_that_of_a_full_sort(seed: int, top_p: float, flat: bool) -> None:
    logits = np.random.default_rng(seed).standard_normal(5000) * (0.01 if flat else 4)
    p = np.exp(logits.round(2))  # rounded, so that some are equal
    p /= p.sum()
    order = np.argsort(-p, kind="stable")
    expected = order[: int(p[order].cumsum().searchsorted(top_p)) + 1]
    assert sorted(nucleus(p, top_p)) == sorted(expected)


@given(LOGITS, st.floats(0.05, 2), st.floats(0.05, 1), st.integers(-(2**63), 2**63 - 1))
def test_a_seed_gives_the_same_tokens(logits: np.ndarray, temperature: float, top_p: float, seed: int) -> None:
    sampling = Sampling(temperature=temperature, top_p=top_p, seed=seed)
    assert draws(logits, sampling, 8) == draws(logits, sampling, 8)


def test_choices_and_unseeded_samplers_differ() -> None:
    logits = np.zeros(1000, np.float32)
    assert draws(logits, Sampling(seed=5), 20) != draws(logits, Sampling(seed=5), 20, choice=1)
    assert draws(logits, Sampling(), 20) != draws(logits, Sampling(), 20)


@given(LOGITS, st.sampled_from([0.0, 0.7, 2.0]), st.data())
def test_bias_bans_and_compels(logits: np.ndarray, temperature: float, data: st.DataObject) -> None:
    token = data.draw(st.integers(0, len(logits) - 1))
    banned = Sampling(temperature=temperature, logit_bias={token: -100})
    assert token not in draws(logits, banned, 20)
    compelled = Sampling(temperature=temperature, logit_bias={token: 100})
    assert set(draws(logits, compelled, 20)) == {token}


def test_bias_is_added_to_the_logit() -> None:
    logits = np.array([0, 1.5, 0], np.float32)
    assert draws(logits, Sampling(temperature=0, logit_bias={2: 2.0}), 1) == [2]
    assert draws(logits, Sampling(temperature=0, logit_bias={2: 1.0}), 1) == [1]


def test_penalties_follow_the_formula() -> None:
    logits = np.array([3.0, 2.5, 0], np.float32)
    # frequency 1: 3 -> 2 after one, then 2.5 -> 1.5, then 2 -> 1, then 1.5 -> 0.5, then 1 -> 0, ...
    assert draws(logits, Sampling(temperature=0, frequency_penalty=1.0), 5) == [0, 1, 0, 1, 0]
    # presence 0.6: 3 -> 2.4 once, then 2.5 -> 1.9, then 2.4 for ever
    assert draws(logits, Sampling(temperature=0, presence_penalty=0.6), 5) == [0, 1, 0, 0, 0]
    assert draws(logits, Sampling(temperature=0, frequency_penalty=-1.0), 3) == [0, 0, 0]


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (1.0, 0.8)])
def test_draws_follow_the_softmax(temperature: float, top_p: float) -> None:
    logits = np.array([2, 1, 0.5, 0, -1, -3], np.float32)
    p = np.exp(logits.astype(np.float64) / temperature)
    p /= p.sum()
    kept = np.zeros(len(p))
    chosen = nucleus(p, top_p)
    kept[chosen] = p[chosen] / p[chosen].sum()
    count = 20_000
    found = np.bincount(draws(logits, Sampling(temperature=temperature, top_p=top_p, seed=1), count), minlength=len(p))
    spread = np.sqrt(count * kept * (1 - kept))
    assert (abs(found - count * kept) <= 5 * spread + 1e-9).all()


def test_logits_are_left_as_they_are() -> None:
    logits = np.array([1, 2, 3], np.float32)
    draws(logits, Sampling(temperature=0.5, top_p=0.5, frequency_penalty=1, logit_bias={1: 3}), 5)
    assert logits.tolist() == [1, 2, 3]


# --- held to a format -----------------------------------------------------------------------------------------------

COLOURS = {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "minItems": 2, "maxItems": 3}


@pytest.fixture(scope="module")
def facts(tiny_weights: Any) -> Facts:
    found: Facts = tiny_weights.facts
    return found


@pytest.fixture(scope="module")
def held(facts: Facts) -> Iterator[Callable[[], Constraint]]:
    """Makes a constraint to an array of colours."""
    pytest.importorskip("llguidance", reason="pip install 'everwarm[local]'")
    grammars = Grammars(facts)
    yield lambda: grammars.constraint(Format(COLOURS))
    grammars.close()


def answer(sampling: Sampling, facts: Facts, constraint: Constraint, seed: int = 1) -> str:
    chance, spelled = np.random.default_rng(seed), token_bytes(facts)
    sampler, text = Sampler(sampling, len(spelled), constraint=constraint), b""
    while (token := sampler.choose(chance.standard_normal(len(spelled), np.float32))) not in facts.ends:
        text += spelled[token]
    return text.decode()


def require_colours(text: str) -> None:
    colours = json.loads(text)
    assert 2 <= len(colours) <= 3
    assert set(colours) <= {"red", "green", "blue"}


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=0),
        Sampling(temperature=0.7, top_p=0.5, seed=1),
        Sampling(temperature=2, top_p=1.0, seed=2),
        Sampling(temperature=1e-9, seed=2),
        Sampling(temperature=1, top_p=0.9, seed=3, frequency_penalty=2, presence_penalty=-2),
    ],
    ids=["greedy", "nucleus", "hot", "next to greedy", "penalties"],
)
def test_what_is_chosen_goes_on_with_the_format(
    held: Callable[[], Constraint], facts: Facts, sampling: Sampling
) -> None:
    for seed in range(5):
        require_colours(answer(sampling, facts, held(), seed))


def test_a_seed_gives_the_same_answer_in_the_same_format(held: Callable[[], Constraint], facts: Facts) -> None:
    sampling = Sampling(temperature=1, seed=11)
    assert answer(sampling, facts, held()) == answer(sampling, facts, held())
    assert len({answer(Sampling(temperature=1, seed=s), facts, held()) for s in range(20)}) > 3


@pytest.mark.parametrize("temperature", [0, 1])
def test_a_bias_counts_within_the_format_and_gives_way_to_it(
    held: Callable[[], Constraint], facts: Facts, temperature: float
) -> None:
    spelled = token_bytes(facts)
    red, bracket, letter = (spelled.index(piece) for piece in (b"r", b"[", b"x"))
    never_red = Sampling(temperature=temperature, seed=4, logit_bias={red: -100, bracket: -100})
    for seed in range(5):
        text = answer(never_red, facts, held(), seed)  # it begins with the bracket all the same
        require_colours(text)
        assert '"red"' not in text
    require_colours(answer(Sampling(temperature=temperature, seed=4, logit_bias={letter: 100}), facts, held()))
