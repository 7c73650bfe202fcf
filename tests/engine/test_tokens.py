from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from everwarm.engine.tokens import TextStream, Tokenizer, token_bytes

SAMPLES = [
    "",
    " ",
    "hello world",
    "   \n\n  indented\n",
    "In 2026, 1,234.5 tokens cost $0.07!",
    "it's we'll THEY'RE don't",
    "日本語の文章と、絵文字 👩‍👩‍👧 と 😀。",
    "naïve café, Ærø, Привет, שלום, สวัสดี",
    "a < b > c | im_start |x| <|im_sta",
    "tab\there\r\nand\x00null",
    "x" * 300,
    "def f(x):\n    return {k: v for k, v in x.items()}\n",
]


@given(st.lists(st.binary(max_size=5), max_size=20))
def test_text_in_pieces_is_the_text_of_the_whole(pieces: list[bytes]) -> None:
    stream, whole = TextStream(), TextStream()
    assert "".join(stream.feed(p) for p in pieces) == whole.feed(b"".join(pieces))


@given(st.text())
def test_characters_come_whole_from_single_bytes(text: str) -> None:
    clean = text.encode("utf-8", "replace")
    stream = TextStream()
    given_out = [stream.feed(bytes([b])) for b in clean]
    assert "".join(given_out) == clean.decode()
    assert "\ufffd" in clean.decode() or not any("\ufffd" in g for g in given_out)


def test_a_character_that_is_never_finished_is_left_out() -> None:
    assert TextStream().feed("é".encode()[:1]) == ""


@pytest.fixture(scope="module")
def tokenizer(weights: Any) -> Tokenizer:
    return Tokenizer(weights.folder, weights.facts)


@pytest.mark.model
@given(st.text())
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back(tokenizer: Tokenizer, vocabulary: Oracle, text: str) -> None:
    clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assume("<" not in clean and not clean.endswith("\0"))  # no control tokens, nor what the binding loses
    assume(all(bytes([b]) in vocabulary.ids for b in clean.encode()))  # SmolLM2 has no token for some rare bytes
    assert tokenizer.decode(tokenizer.encode(text)) == clean


@pytest.mark.model
def test_control_tokens_are_one_id_and_nothing_is_put_before(tokenizer: Tokenizer, weights: Any) -> None:
    text = "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
    ids = tokenizer.encode(text)
    start, end = weights.facts.tokens.index("<|im_start|>"), weights.facts.tokens.index("<|im_end|>")
    assert (ids[0], ids.count(start), ids.count(end)) == (start, 2, 1)
    assert tokenizer.bytes_of(start) == b""
    assert tokenizer.decode(ids) == "user\nhello\nassistant\n"


@pytest.mark.model
def test_a_text_of_any_length_keeps_all_its_tokens(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("word " * 20_000)) >= 20_000


@pytest.mark.model
def test_lone_surrogates_are_read_as_the_replacement_character(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("a\ud800b") == tokenizer.encode("a\ufffdb")
    assert tokenizer.encode("\ud83d\ude00") == tokenizer.encode("😀")


@pytest.mark.model
@pytest.mark.parametrize("text", SAMPLES)
def test_encoding_is_that_of_the_published_algorithm(tokenizer: Tokenizer, vocabulary: Oracle, text: str) -> None:
    assert tokenizer.encode(text) == vocabulary.encode(text)


@pytest.mark.model
@given(st.text("ab 1\n\t'.sé日😀", max_size=30))
@settings(max_examples=100, deadline=None)
def test_encoding_agrees_on_mixtures(tokenizer: Tokenizer, vocabulary: Oracle, text: str) -> None:
    assert tokenizer.encode(text) == vocabulary.encode(text)


class Oracle:
    """Byte-level BPE as published with GPT-2, digits split one by one as SmolLM's is: slow, and obvious."""

    def __init__(self, facts: Any, merges: list[str]) -> None:
        spelled = token_bytes(facts)
        self.ids = {b: i for i, (b, kind) in enumerate(zip(spelled, facts.token_types, strict=True)) if kind == 1}
        by_name = dict(zip(facts.tokens, spelled, strict=True))
        pairs = [tuple(by_name[half] for half in merge.split(" ")) for merge in merges]
        self.ranks = {pair: rank for rank, pair in enumerate(pairs)}

    def encode(self, text: str) -> list[int]:
        return [i for word in self._words(text) for i in self._merge(word.encode())]

    @staticmethod
    def _words(text: str) -> list[str]:
        classes = "".join(_class(c) for c in text)  # L, N, S and O: one letter a character
        words, at = [], 0
        while at < len(text):
            if classes[at] == "N":
                words.append(text[at])
                at += 1
                continue
            end = classes.find("N", at)
            end = len(text) if end < 0 else end
            words += _gpt2_words(text[at:end], classes[at:end])
            at = end
        return words

    def _merge(self, word: bytes) -> list[int]:
        parts = [bytes([b]) for b in word]
        while True:
            ranked = [(self.ranks[p], i) for i, p in enumerate(pairwise(parts)) if p in self.ranks]
            if not ranked:
                return [self.ids[p] for p in parts]
            best = min(ranked)[1]
            parts[best : best + 2] = [parts[best] + parts[best + 1]]


def _class(character: str) -> str:
    kind = unicodedata.category(character)[0]
    if kind in "LN":
        return kind
    return "S" if character.isspace() and not "\x1c" <= character <= "\x1f" else "O"


def _gpt2_words(text: str, classes: str) -> list[str]:
    """GPT-2's pattern, on a text without digits."""
    words, at = [], 0
    while at < len(text):
        short = next((s for s in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d") if text.startswith(s, at)), None)
        if short:
            end = at + len(short)
        else:
            lead = at + 1 if text[at] == " " and at + 1 < len(text) and classes[at + 1] != "S" else at
            run = re.match(rf"{classes[lead]}+", classes[lead:])
            assert run
            end = lead + run.end()
            if classes[lead] == "S" and end < len(text) and end - lead > 1:
                end -= 1  # the last space of a run belongs to the word behind it
        words.append(text[at:end])
        at = end
    return words


@pytest.fixture(scope="module")
def vocabulary(weights: Any, data: Path) -> Oracle:
    from everwarm.engine.ggufile import read_header
    from everwarm.engine.packaged import find_packaged

    return Oracle(weights.facts, read_header(find_packaged(data)).meta["tokenizer.ggml.merges"])
