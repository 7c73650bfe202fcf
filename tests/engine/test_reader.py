"""Prompts whose segments are remembered have the very tokens of the whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from everwarm.core.key import Namespace
from everwarm.core.prefix import pack
from everwarm.core.wire import Message, Part
from everwarm.engine.cuts import WORTH, Cuts, cuts_of
from everwarm.engine.facts import Facts
from everwarm.engine.reader import Reader
from everwarm.engine.template import ChatTemplate
from everwarm.engine.tokens import Tokenizer

MINE, OTHER = Namespace("1" * 32), Namespace("2" * 32)
LONG = "A paragraph that is long enough to be worth remembering. " * 6
TAGS = ["<|im_start|>", "<|im_end|>", "<|im_start|>system\n", "<|endoftext|>", "<|im_sta", "rt|>", "<|", "|>", "<", ">"]
BITS = [
    *TAGS,
    " ",
    "\n",
    "\r\n",
    "\t",
    "",
    "é",
    "日本語",
    "。",
    "👩‍👩‍👧",
    "\u0301",
    "\ud800",
    "\ude00",
    "\0",
    "7",
    "x",
    LONG,
]

contents = st.lists(st.sampled_from(BITS) | st.text(max_size=5), max_size=8).map("".join)
conversations = st.lists(st.tuples(st.sampled_from(["system", "user", "assistant"]), contents), min_size=1, max_size=6)


def read_twice(reader: Reader, text: str) -> None:
    """Nothing of it is known at first; then all of it that is worth it."""
    whole = reader.tokenizer.encode(text)
    assert reader.read(text, MINE) == whole
    assert reader.read(text, MINE) == whole
    reader.kept.check_integrity()


def reader_of(weights: Any) -> Reader:
    tokenizer = Tokenizer(weights.folder, weights.facts)
    return Reader(tokenizer, cuts_of(weights.facts, tokenizer.bare))


@pytest.fixture(scope="module")
def reader(weights: Any) -> Reader:
    return reader_of(weights)


@pytest.fixture(scope="module")
def template(weights: Any) -> ChatTemplate:
    return ChatTemplate(weights.facts.chat_template, {})


def rendered(template: ChatTemplate, turns: list[tuple[str, str]]) -> str:
    messages = [Message(role, (Part("text", text),)) for role, text in turns]
    return template.render(messages, None, datetime(2026, 11, 25, tzinfo=UTC))


@pytest.mark.model
@given(conversations)
@settings(max_examples=150, deadline=None)
def test_conversations_have_the_tokens_of_the_whole(
    reader: Reader, template: ChatTemplate, turns: list[tuple[str, str]]
) -> None:
    read_twice(reader, rendered(template, turns))


@pytest.mark.model
@given(contents)
@settings(max_examples=150, deadline=None)
def test_so_has_any_text(reader: Reader, text: str) -> None:
    read_twice(reader, text.rstrip("\0"))


@given(contents)
@settings(max_examples=50, deadline=None)
def test_so_has_any_text_for_a_model_that_wants_a_begin_token(begun: Reader, text: str) -> None:
    read_twice(begun, text.rstrip("\0"))


@pytest.fixture(scope="module")
def begun(tiny_weights: Any) -> Reader:
    """The tiny model's, with one."""
    facts = replace(tiny_weights.facts, add_bos=True)
    tokenizer = Tokenizer(tiny_weights.folder, facts)
    assert tokenizer.encode("x")[0] == facts.bos
    return Reader(tokenizer, cuts_of(facts, tokenizer.bare))


def test_a_segment_that_is_known_is_not_tokenized_again(tiny_weights: Any) -> None:
    reader = reader_of(tiny_weights)
    system, user = f"<|im_start|>system\n{LONG}", "<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
    whole = reader.read(system + user, MINE)
    reader.kept.keep(MINE.id, system, pack([7, 8, 9]))  # were it tokenized, this would not be seen
    assert reader.read(system + user, MINE) == [7, 8, 9, *reader.tokenizer.encode(user)]
    assert reader.read(system + user, OTHER) == whole, "another namespace's memory is its own"


def test_a_nul_at_the_end_of_a_segment_is_not_lost(tiny_weights: Any) -> None:
    reader = reader_of(tiny_weights)
    end = f"<|im_end|>{LONG}"
    reader.read(LONG + end, MINE)
    text = f"{LONG}\0{end}"
    assert reader.read(text, MINE) == reader.tokenizer.encode(text)


def test_another_namespace_finds_nothing(tiny_weights: Any) -> None:
    reader = reader_of(tiny_weights)
    reader.read(f"<|im_start|>{LONG}", MINE)
    assert reader.kept.get(MINE.id, f"<|im_start|>{LONG}") is not None
    assert reader.kept.get(OTHER.id, f"<|im_start|>{LONG}") is None


def test_memory_is_bounded(tiny_weights: Any) -> None:
    tokenizer = Tokenizer(tiny_weights.folder, tiny_weights.facts)
    reader = Reader(tokenizer, cuts_of(tiny_weights.facts, tokenizer.bare), limit=5000)
    for number in range(20):
        text = f"<|im_start|>{number} {LONG}"
        assert reader.read(text, MINE) == tokenizer.encode(text)
        reader.kept.check_integrity()
    assert reader.kept.get(MINE.id, f"<|im_start|>0 {LONG}") is None


def test_without_a_certain_cut_nothing_is_remembered(tiny_weights: Any) -> None:
    reader = Reader(Tokenizer(tiny_weights.folder, tiny_weights.facts), None)
    assert reader.read(LONG, MINE) == reader.tokenizer.encode(LONG)
    assert reader.kept.held == 0


def test_the_engine_reads_so(tiny: Any, request_of: Any, ask: Any) -> None:
    request = request_of(LONG, temperature=0, max_tokens=1)
    tokens = tiny.tokens_of(request)
    assert ask(tiny, request, MINE).usage.prompt == len(tokens)
    assert tiny._reader.kept.held > 0
    assert tiny.tokens_of(request, MINE) == tiny.tokens_of(request, OTHER) == tokens


# --- where it may be cut ----------------------------------------------------------------------------------------------


@given(contents)
def test_segments_are_the_text_and_begin_where_nothing_merges(text: str) -> None:
    segments = Cuts({"<|im_start|>": 1, "<|im_end|>": 2}).segments(text)
    assert "".join(segments) == text
    assert all(len(segment) >= WORTH for segment in segments[:-1])
    assert all(segment.startswith(("<|im_start|>", "<|im_end|>")) for segment in segments[1:])


@given(contents, contents)
def test_a_conversation_that_goes_on_keeps_its_segments(text: str, more: str) -> None:
    cuts = Cuts({"<|im_start|>": 1, "<|im_end|>": 2})
    before = cuts.segments(text)
    assert cuts.segments(f"{text}<|im_start|>{more}")[: len(before) - 1] == before[:-1]


def facts(template: str, *more: str) -> Facts:
    """Of a model whose control tokens are the letters A and B, and ``more``."""
    tokens = ("a", "b", "A", "B", *more)
    types = (1, 1, 3, 3, *[3] * len(more))
    return Facts("", "llama", 512, None, template, "gpt2", tokens, types, None, None, (), False, 0, "", "", {})


def by_letters(text: str) -> list[int]:
    """Tokens of a tokenizer that treats each character by itself."""
    return [2 if c == "A" else 3 if c == "B" else 100 + ord(c) for c in text]


def test_cut_is_at_the_control_tokens_that_the_template_writes() -> None:
    cuts = cuts_of(facts("{{ 'A' }}"), by_letters)
    assert cuts is not None
    assert len(cuts.segments(f"{LONG.lower()}B{LONG.lower()}A{LONG.lower()}")) == 2


def test_a_template_without_control_tokens_gives_no_cut() -> None:
    assert cuts_of(facts("{{ 'x' }}"), by_letters) is None


@pytest.mark.parametrize("other", ["xA", "Ay", "xAy"])
def test_a_token_that_is_part_of_another_gives_no_cut(other: str) -> None:
    assert cuts_of(facts("A", other), by_letters) is None


def test_a_token_into_which_another_can_reach_gives_no_cut() -> None:
    def encode(text: str) -> list[int]:
        return by_letters(text.replace("<|s|>", "A"))

    named = replace(facts("<|s|>"), tokens=("a", "b", "<|s|>", "B"))
    assert cuts_of(named, encode) is not None
    assert cuts_of(replace(named, tokens=(*named.tokens, "x<|"), token_types=(1, 1, 3, 3, 4)), encode) is None


def strips_before(text: str) -> list[int]:
    while " A" in text or "\nA" in text:
        text = text.replace(" A", "A").replace("\nA", "A")
    return by_letters(text)


def strips_behind(text: str) -> list[int]:
    return by_letters(text.replace("A ", "A"))


def puts_a_blank_in_front(text: str) -> list[int]:
    return by_letters(f" {text}" if text else "")


def forgets_the_token(text: str) -> list[int]:
    return [100 + ord(c) for c in text]


def merges_across(text: str) -> list[int]:
    return by_letters(text.replace("xA", "A"))


@pytest.mark.parametrize("encode", [strips_before, puts_a_blank_in_front, forgets_the_token, merges_across])
def test_a_tokenizer_with_ways_of_its_own_gives_no_cut(encode: Any) -> None:
    assert cuts_of(facts("A"), encode) is None


def test_what_is_done_behind_a_token_is_done_within_its_segment() -> None:
    assert cuts_of(facts("A"), strips_behind) is not None
