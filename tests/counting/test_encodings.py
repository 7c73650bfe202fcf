from __future__ import annotations

from importlib.util import find_spec

import pytest

from everwarm.counting import encodings
from everwarm.counting.encodings import encoder_of, encoding_of

needs_toktok = pytest.mark.skipif(find_spec("toktok") is None, reason="needs toktok-rs: pip install 'everwarm[tokens]'")


O200K = """
    gpt-4o gpt-4o-mini-2024-07-18 GPT-4o chatgpt-4o-latest openai/gpt-4.1-mini ft:gpt-4o-mini-2024-07-18:org::id
    gpt-5 gpt-5-mini gpt-5.1-codex gpt-5.6 openrouter/openai/gpt-5.2 gpt-oss-120b o1 o3-mini o4-mini"""
CL100K = "gpt-4 gpt-4-0613 gpt-4-turbo azure/gpt-4-32k gpt-3.5-turbo gpt-35-turbo text-embedding-3-small"
OTHERS = "claude-opus-4-5 gemini-3-pro gpt-4.2 gpt-6 gpt-2 gpt-50 my-gpt-4 o10 o default"


@pytest.mark.parametrize("model", O200K.split())
def test_newer_models_read_in_o200k(model: str) -> None:
    assert encoding_of(model) == "o200k_base"


@pytest.mark.parametrize("model", CL100K.split())
def test_older_models_read_in_cl100k(model: str) -> None:
    assert encoding_of(model) == "cl100k_base"


@pytest.mark.parametrize("model", OTHERS.split())
def test_of_others_nothing_is_believed(model: str) -> None:
    assert encoding_of(model) is None
    assert encoder_of(model) is None


KNOWN = [
    ("hello world", 2, 2),
    ("tiktoken is great!", 6, 6),
    ("antidisestablishmentarianism", 6, 6),
    ("2 + 2 = 4", 7, 7),
    ("お誕生日おめでとう", 9, 8),
]
"""Tokens in cl100k and o200k as OpenAI's cookbook has them, "How to count tokens with tiktoken"."""


@needs_toktok
@pytest.mark.parametrize(("text", "cl100k", "o200k"), KNOWN)
def test_counts_are_those_that_openai_publishes(text: str, cl100k: int, o200k: int) -> None:
    older, newer = encoder_of("gpt-4"), encoder_of("gpt-5")
    assert older is not None
    assert newer is not None
    assert (older.count(text), newer.count(text)) == (cl100k, o200k)


@needs_toktok
def test_control_tokens_in_a_text_count_as_text_and_surrogates_as_the_replacement_character() -> None:
    encoder = encoder_of("gpt-5")
    assert encoder is not None
    assert encoder.count("<|endoftext|>") > 1
    assert encoder.count("a\ud800b") == encoder.count("a\ufffdb")
    assert encoder.count("\ud83d\ude00") == encoder.count("😀")
    assert encoder.count("") == 0


def test_without_the_package_there_is_no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "_package", lambda: None)
    assert encoder_of("gpt-5") is None
