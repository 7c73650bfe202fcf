"""The vocabulary that a grammar is made for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everwarm.engine.tokens import Tokenizer, token_bytes
from everwarm.engine.vocabulary import Vocabulary

NAMES = ["temperature", "user_id", "isActive", "créé_le", "名前", "x", "a b", "HTTPStatus", "2nd-line", "", "ad hoc  x"]


def test_control_tokens_are_no_text(tiny_weights: Any) -> None:
    facts = tiny_weights.facts
    vocabulary = Vocabulary(facts)
    assert vocabulary.special_token_ids == [0, 1, 2]
    assert vocabulary.tokens[:3] == [b"<|endoftext|>", b"<|im_start|>", b"<|im_end|>"]
    assert vocabulary.tokens[3:] == token_bytes(facts)[3:]
    assert vocabulary.eos_token_id in facts.ends


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
@settings(deadline=None)
def test_the_tokens_spell_the_text(tiny_weights: Any, text: str) -> None:
    vocabulary = Vocabulary(tiny_weights.facts)
    assert b"".join(vocabulary.tokens[i] for i in vocabulary(text)) == text.encode()
    assert vocabulary(text.encode()) == vocabulary(text)


def test_merges_are_made(tiny_weights: Any) -> None:
    vocabulary = Vocabulary(tiny_weights.facts)
    assert [vocabulary.tokens[i] for i in vocabulary("he the t")] == [b"he", b" t", b"he", b" t"]


@pytest.mark.model
@pytest.mark.parametrize("name", NAMES)
def test_it_spells_as_the_model_reads(weights: Any, name: str) -> None:
    tokenizer = Tokenizer(weights.folder, weights.facts)
    text = f'{{"{name}": "{name}", "{name}": ['
    assert Vocabulary(weights.facts)(text) == tokenizer.encode(text)


@pytest.mark.model
def test_a_character_that_has_no_tokens_ends_the_list(weights: Any) -> None:
    vocabulary = Vocabulary(weights.facts)
    ids = vocabulary("one \U00040000 two")
    assert b"".join(vocabulary.tokens[i] for i in ids).startswith(b"one ")
    assert b"two" not in b"".join(vocabulary.tokens[i] for i in ids)
