"""The engine with the model that comes with Everwarm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from everwarm.core.key import PUBLIC, Namespace
from everwarm.core.wire import Message, Part, Request, Sampling
from everwarm.engine.engine import Engine
from everwarm.engine.model import Span
from everwarm.engine.steps import CHUNK
from everwarm.engine.template import ChatTemplate
from everwarm.errors import BadRequest

pytestmark = pytest.mark.model

COLD = Namespace("c" * 32, "never asked the same before")
WORDS = "The lighthouse keeper wrote one line each evening about the wind, the ships and the light. "

Ask = Callable[..., Any]
Make = Callable[..., Request]


def sized(engine: Engine, request_of: Make, tokens: int, end: str = "") -> Request:
    """A greedy request whose prompt has exactly ``tokens`` tokens and ends in ``end``."""
    framing = len(engine.tokens_of(request_of(end)))
    text = WORDS * (tokens // 10)
    words = text.split(" ")
    for count in range(len(words), 0, -1):
        short = tokens - framing - len(engine.inside.voice.tokenizer.encode(" ".join(words[:count])))
        if short >= 0:
            request = request_of(" ".join(words[:count]) + " a" * short + end, temperature=0, max_tokens=12)
            if len(engine.tokens_of(request)) == tokens:
                return request
    raise AssertionError(f"no prompt of {tokens} tokens was found")


def test_it_answers(engine: Engine, ask: Ask, request_of: Make) -> None:
    answer = ask(engine, request_of("What is the capital of France? Answer in one word.", temperature=0, max_tokens=20))
    assert "Paris" in answer.text
    assert answer.reasons == ["stop"]


def test_its_card(engine: Engine) -> None:
    (card,) = engine.models()
    assert card.id == "smollm2-135m-instruct"
    assert card.aliases == ("smollm2", "default")


def test_greedy_is_repeatable(engine: Engine, ask: Ask, request_of: Make) -> None:
    request = request_of("Write two lines about rain.", temperature=0, max_tokens=30)
    assert ask(engine, request).text == ask(engine, request).text != ""


@pytest.mark.parametrize("tokens", [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1, 333])
def test_in_exact_mode_warm_text_is_cold_text(exact: Engine, ask: Ask, request_of: Make, tokens: int) -> None:
    request = sized(exact, request_of, tokens)
    here = Namespace(f"{tokens:032}")
    cold = ask(exact, request, here)
    warm = ask(exact, request, here)
    assert cold.prefilled.cached == 0
    assert warm.prefilled.cached == (tokens - 1) // CHUNK * CHUNK
    assert cold.text == warm.text


def test_with_equal_cuts_warm_logits_are_cold_logits_bit_for_bit(exact: Engine, request_of: Make) -> None:
    model = exact.inside.model
    prompt = exact.tokens_of(sized(exact, request_of, 333))
    blocks = [model.pool.take() for _ in range(11)]

    def logits(start: int) -> bytes:
        for at in range(start, len(prompt), CHUNK):
            after = model.step([Span(prompt[at : at + CHUNK], at, blocks, (0,))])
        return bytes(after.tobytes())

    assert logits(0) == logits(256) == logits(128)
    model.pool.give(blocks)


def test_a_conversation_reuses_its_earlier_turns(engine: Engine, ask: Ask, request_of: Make) -> None:
    def said(role: str, text: str) -> Message:
        return Message(role, (Part("text", text),))

    turns = [said("system", WORDS * 20), said("user", "Who wrote each evening?")]
    sampling = {"temperature": 0, "max_tokens": 24}
    first = ask(engine, request_of(*turns, **sampling))
    turns += [said("assistant", first.text), said("user", "And about what?")]
    second = ask(engine, request_of(*turns, **sampling))
    assert second.prefilled.cached >= first.usage.prompt + first.usage.output - 1, "the answer's KV too"


def test_namespaces_share_no_kv(engine: Engine, ask: Ask, request_of: Make) -> None:
    request = sized(engine, request_of, 300)
    ask(engine, request, PUBLIC)
    assert ask(engine, request, PUBLIC).usage.cache_read == 299  # the same tenant hits
    other = ask(engine, request, COLD)
    assert other.usage.cache_read == 0  # another misses
    assert other.prefilled.cached == 0


def test_usage_is_exact(engine: Engine, ask: Ask, request_of: Make, weights: Any) -> None:
    request = request_of("Count to three.", temperature=0, max_tokens=40)
    answer = ask(engine, request)
    rendered = (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nCount to three.<|im_end|>\n<|im_start|>assistant\n"
    )
    tokenizer = engine.inside.voice.tokenizer
    assert engine.tokens_of(request) == tokenizer.encode(rendered)
    assert answer.usage.prompt == len(tokenizer.encode(rendered))
    end = 1 if answer.reasons == ["stop"] else 0
    assert answer.usage.output == len(tokenizer.encode(answer.text)) + end
    assert isinstance(ChatTemplate(weights.facts.chat_template, {}), ChatTemplate)


def test_a_seed_is_repeatable_and_another_differs(engine: Engine, exact: Engine, ask: Ask, request_of: Make) -> None:
    """In mode fast a prompt that is read from the cache may give other bits than one that is computed whole, on some
    processors; from then on they are the same."""

    def text(engine: Engine, seed: int) -> str:
        return str(
            ask(engine, request_of("Invent a name.", temperature=1.2, top_p=0.95, seed=seed, max_tokens=16)).text
        )

    text(engine, 1)
    for each in (engine, exact):
        assert text(each, 1) == text(each, 1)
        assert len({text(each, seed) for seed in range(4)}) > 1


def test_two_choices_share_one_prompt(engine: Engine, ask: Ask, request_of: Make) -> None:
    answer = ask(engine, request_of("Invent a name.", temperature=1.2, seed=3, n=2, max_tokens=12))
    assert set(answer.texts) == {0, 1}
    assert answer.texts[0] != answer.texts[1]
    greedy = ask(engine, request_of("Say hello.", temperature=0, n=2, max_tokens=12))
    assert greedy.texts[0] == greedy.texts[1]


def test_characters_of_many_tokens_come_whole(engine: Engine, ask: Ask, request_of: Make) -> None:
    tokens = engine.inside.voice.tokenizer.encode("😀")
    assert len(tokens) > 1
    bias = dict.fromkeys([*tokens, *engine.inside.voice.tokenizer.encode("語")], 100.0)
    answer = ask(engine, request_of("日本語で", temperature=1, seed=7, max_tokens=60, logit_bias=bias))
    assert answer.usage.output == 60
    assert any(ord(c) > 0x2000 for c in answer.text)
    whole = b"".join(e.text.encode() for e in answer.events if hasattr(e, "text"))
    assert whole.decode() == answer.text


def test_stop_strings(engine: Engine, ask: Ask, request_of: Make) -> None:
    sampling = {"temperature": 0, "max_tokens": 40}
    whole = ask(engine, request_of("Count from one to ten in words.", **sampling)).text
    stop = whole[len(whole) // 2 :][:4]
    cut = ask(engine, request_of("Count from one to ten in words.", stop=(stop,), **sampling))
    assert cut.text == whole[: whole.index(stop)]
    assert cut.reasons == ["stop"]


def test_too_long_a_prompt_names_both_numbers(engine: Engine, ask: Ask, request_of: Make) -> None:
    with pytest.raises(BadRequest, match=r"has \d{4} tokens and the model's context is 1024") as caught:
        ask(engine, request_of("word " * 2000))
    assert caught.value.code == "context_length_exceeded"


def raw(prompt: str, **sampling: Any) -> Request:
    """A request to go on from a text."""
    return Request("openai_completions", "default", (), sampling=Sampling(**sampling), prompt=prompt)


def test_a_raw_prompt_is_gone_on_from_without_a_chat_template(engine: Engine, ask: Ask) -> None:
    request = raw("One, two, three, four,", temperature=0, max_tokens=8)
    assert engine.tokens_of(request) == engine.inside.voice.tokenizer.encode("One, two, three, four,")
    answer = ask(engine, request)
    assert "five" in answer.text
    assert answer.usage.prompt == len(engine.tokens_of(request))


def test_a_raw_prompt_reuses_the_prefix_of_the_one_before(engine: Engine, ask: Ask) -> None:
    sampling = {"temperature": 0, "max_tokens": 12}
    text = WORDS * 20
    ask(engine, raw(text + "The wind", **sampling))
    warm = ask(engine, raw(text + "The ships", **sampling))
    assert warm.usage.cache_read >= len(engine.inside.voice.tokenizer.encode(text)) > 0


def test_too_long_a_raw_prompt_is_named(engine: Engine, ask: Ask) -> None:
    for prompt in ("word " * 2000, "word " * 200_000):
        with pytest.raises(BadRequest, match="shorten the prompt") as caught:
            ask(engine, raw(prompt))
        assert caught.value.param == "prompt"
