"""Completions: what is read of a request, what two must share, and what becomes of answers."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import Completion

from everwarm.core import sse
from everwarm.core.answer import JSON, Form
from everwarm.core.body import read
from everwarm.core.canonical import canonical
from everwarm.core.dialects.dialect import Head
from everwarm.core.dialects.openai_completions import DIALECT
from everwarm.core.dialects.registry import CONVERSING, telling
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish, Prefilled
from everwarm.errors import BadRequest, Broken, Unsupported
from requests_like_completions import completions

COUNTED, PLAIN = Form(True, True), Form(True, False)
HI: dict[str, Any] = {"model": "m", "prompt": "Once"}
HEAD = Head("ab", 5, "m", "0123456789abcdef")
SPOKEN: list[Event] = [Prefilled(3, 1, 0.1), Delta(0, " upon"), Delta(0, " é"), Finish(0, "stop"), Done(Usage(2, 1, 3))]
CHUNK = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def form(**more: Any) -> bytes:
    return canonical("openai_completions", read(orjson.dumps({**HI, **more})), "m")


def written(events: list[Event]) -> bytes:
    writer = DIALECT.writer(HEAD, DIALECT.parse(HI))
    return b"".join(writer.write(e) for e in events)


def whole(streamed: bytes) -> Any:
    return orjson.loads(DIALECT.convert(streamed, COUNTED, JSON) or b"null")


def stream(*choices: dict[str, Any]) -> bytes:
    """A counted stream of these pieces of choices."""
    chunks = [{**CHUNK, "choices": [{"index": 0, **c}]} for c in choices]
    return b"".join(sse.write(orjson.dumps(c)) for c in [*chunks, {**CHUNK, "choices": [], "usage": USAGE}]) + sse.DONE


# --- the request ----------------------------------------------------------------------------------------------------


def test_it_is_one_of_the_dialects_that_are_answered_in() -> None:
    assert DIALECT in CONVERSING
    assert telling("/v1/completions") is DIALECT


def test_the_envelope() -> None:
    assert DIALECT.envelope(HI) == ("m", JSON, True)
    assert DIALECT.envelope({**HI, "stream": True, "temperature": 0}) == ("m", PLAIN, False)
    assert DIALECT.envelope({**HI, "stream": True, "stream_options": {"include_usage": True}}).form == COUNTED
    assert DIALECT.obstacle(HI) is None
    with pytest.raises(BadRequest, match="model"):
        DIALECT.envelope({"prompt": "Once"})


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_a_prompt_is_read_as_it_is(prompt: Any) -> None:
    request = DIALECT.parse({**HI, "prompt": prompt, "seed": 3, "stop": "x", "echo": None})
    assert request.prompt == "Once"
    assert request.messages == ()
    assert request.sampling.seed == 3
    assert request.sampling.stop == ("x",)
    assert request.rest == {"seed": 3, "stop": "x", "echo": None}


def test_an_answer_has_sixteen_tokens_unless_the_request_says_more() -> None:
    assert DIALECT.parse(HI).sampling.max_tokens == 16
    assert DIALECT.parse({**HI, "max_tokens": None}).sampling.max_tokens == 16
    assert DIALECT.parse({**HI, "max_tokens": 400}).sampling.max_tokens == 400


WRONG = [
    ({"prompt": None}, "prompt", BadRequest),
    ({"prompt": ""}, "prompt", BadRequest),
    ({"prompt": [""]}, "prompt", BadRequest),
    ({"prompt": []}, "prompt", BadRequest),
    ({"prompt": {"text": "x"}}, "prompt", BadRequest),
    ({"prompt": 7}, "prompt", BadRequest),
    ({"temperature": 3}, "temperature", BadRequest),
    ({"max_tokens": 0}, "max_tokens", BadRequest),
    ({"stop": [""]}, "stop", BadRequest),
    ({"logit_bias": {"a": 1}}, "logit_bias", BadRequest),
    ({"prompt": ["a", "b"]}, "prompt", Unsupported),
    ({"prompt": [1, 2]}, "prompt", Unsupported),
    ({"prompt": [[1, 2]]}, "prompt", Unsupported),
    ({"suffix": "end"}, "suffix", Unsupported),
    ({"echo": True}, "echo", Unsupported),
    ({"logprobs": 0}, "logprobs", Unsupported),
    ({"best_of": 2}, "best_of", Unsupported),
    ({"best_of": 1, "n": 2}, "best_of", Unsupported),
]


@pytest.mark.parametrize(("more", "param", "error"), WRONG)
def test_what_cannot_be_done_is_refused_by_name(more: dict[str, Any], param: str, error: type[BadRequest]) -> None:
    with pytest.raises(BadRequest, match=param) as caught:
        DIALECT.parse({**HI, **more})
    assert type(caught.value) is error
    assert caught.value.param == param


@pytest.mark.parametrize("more", [{"suffix": ""}, {"echo": False}, {"best_of": 1}, {"best_of": 2, "n": 2}])
def test_what_changes_nothing_is_honoured(more: dict[str, Any]) -> None:
    assert DIALECT.parse({**HI, **more}).prompt == "Once"


@given(completions())
def test_any_request_is_read_or_refused(value: dict[str, Any]) -> None:
    try:
        request = DIALECT.parse(value)
    except BadRequest as error:
        request, refused = None, error
    if request is None:
        assert refused.param
    else:
        assert value["prompt"] in (request.prompt, [request.prompt])


# --- the canonical form ---------------------------------------------------------------------------------------------

SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"prompt": ["Once"]}, {}),
    ({"prompt": [[1, 2]]}, {"prompt": [1, 2]}),
    ({"prompt": [1.0, 2]}, {"prompt": [1, 2]}),
    ({"n": 1}, {}),
    ({"user": "u", "stream": True}, {}),
    ({"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}}, {}),
]
OTHER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"prompt": [""]}, {"prompt": [[]]}),
    ({"prompt": ["a", "b"]}, {"prompt": ["b", "a"]}),
    ({"prompt": ["a", "b"]}, {"prompt": "ab"}),
    ({"prompt": ["1"]}, {"prompt": [1]}),
    ({"prompt": [1, 2]}, {"prompt": [[1], [2]]}),
    ({"prompt": [[[1]]]}, {"prompt": [1]}),
    ({"best_of": 1}, {}),
    ({"echo": False}, {}),
    ({"n": 2}, {}),
    ({"stream_options": {"other": 1}}, {}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_spellings_of_one_meaning(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert form(**one) == form(**other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_two_meanings(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert form(**one) != form(**other)


# --- the answer -----------------------------------------------------------------------------------------------------


def test_the_model_inside_is_written_as_chunks_that_the_sdk_reads() -> None:
    streamed = written(SPOKEN)
    assert streamed.endswith(sse.DONE)
    chunks = [Completion.construct(**orjson.loads(e.data)) for e in sse.events(streamed)[:-1]]  # as the SDK does
    assert "".join(c.choices[0].text for c in chunks[:-1]) == " upon é"
    assert [c.choices[0].finish_reason for c in chunks[:-1]] == [None, None, "stop"]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 6
    assert {c.id for c in chunks} == {"cmpl-ab"}
    assert {c.system_fingerprint for c in chunks} == {"fp_0123456789ab"}


def test_what_the_model_inside_says_is_clean_in_every_form() -> None:
    streamed = written(SPOKEN)
    assert DIALECT.judge(streamed, COUNTED) == (True, None, Usage(2, 1, 3))
    body = whole(streamed)
    assert Completion.model_validate(body).choices[0].text == " upon é"
    assert body["object"] == "text_completion"
    assert DIALECT.judge(orjson.dumps(body), JSON) == (True, None, Usage(2, 1, 3))
    strain = DIALECT.strainer(COUNTED, PLAIN)
    assert strain is not None
    assert DIALECT.judge(strain(streamed), PLAIN) == (True, None, None)


def test_what_is_cut_or_breaks_off_is_not_clean() -> None:
    cut = written([*SPOKEN[:-2], Finish(0, "length"), SPOKEN[-1]])
    assert DIALECT.judge(cut, COUNTED).flaw == "it was cut off at max_tokens"
    assert DIALECT.judge(written(SPOKEN[:2]), COUNTED)[:2] == (False, "it broke off")
    empty = written([Finish(0, "stop"), SPOKEN[-1]])
    assert DIALECT.judge(empty, COUNTED).flaw == "it was empty"
    assert DIALECT.judge(orjson.dumps(whole(empty)), JSON).flaw == "it was empty"


texts = st.text(min_size=1, max_size=6)
logprobs = st.fixed_dictionaries(
    {
        "tokens": st.lists(texts, min_size=1, max_size=2),
        "token_logprobs": st.lists(st.floats(-9, 0), min_size=1, max_size=2),
        "top_logprobs": st.lists(st.dictionaries(texts, st.floats(-9, 0), max_size=2), min_size=1, max_size=2),
        "text_offset": st.lists(st.integers(0, 99), min_size=1, max_size=2),
    }
)
choices = st.fixed_dictionaries(
    {"text": texts, "logprobs": st.one_of(st.none(), logprobs), "finish_reason": st.sampled_from(["stop", "length"])},
    optional={
        "stop_reason": st.one_of(st.none(), st.integers(0, 9)),
        "token_ids": st.lists(st.integers(0, 9), min_size=1),
    },
)


@given(st.lists(choices, min_size=1, max_size=3))
def test_a_body_becomes_a_stream_and_that_becomes_the_body(given_choices: list[dict[str, Any]]) -> None:
    numbered = [{"index": i, **c} for i, c in enumerate(given_choices)]
    body = {**CHUNK, "choices": numbered, "usage": USAGE}
    streamed = DIALECT.convert(orjson.dumps(body), JSON, COUNTED)
    assert streamed is not None
    assert whole(streamed) == body


@given(st.lists(texts, min_size=1, max_size=6))
def test_however_a_text_was_cut_the_body_is_the_same(parts: list[str]) -> None:
    pieces = [{"text": p, "logprobs": None, "finish_reason": None} for p in parts]
    body = whole(stream(*pieces, {"text": "", "logprobs": None, "finish_reason": "stop"}))
    assert body["choices"] == [{"index": 0, "text": "".join(parts), "logprobs": None, "finish_reason": "stop"}]
    assert body["usage"] == USAGE


UNFIT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"logprobs": {"tokens": ["a"], "text_offset": [0]}}, {"logprobs": {"tokens": ["b"], "text_offset": [0]}}),
    ({"token_ids": [1]}, {"token_ids": [2]}),
    ({"token_ids": [1]}, {"token_ids": [1]}),
    ({"stop_reason": "a"}, {"stop_reason": "b"}),
]


@pytest.mark.parametrize(("one", "other"), UNFIT)
def test_members_that_could_be_merged_in_two_ways_are_not(one: dict[str, Any], other: dict[str, Any]) -> None:
    streamed = stream({"text": "a", **one}, {"text": "b", **other}, {"text": "", "finish_reason": "stop"})
    assert DIALECT.convert(streamed, COUNTED, JSON) is None


def test_members_that_are_said_again_or_left_empty_are_kept() -> None:
    said = [
        {"text": "a", "vendor": {}},
        {"text": "b", "vendor": {"hate": "safe"}},
        {"text": "", "vendor": {"hate": "safe"}},
    ]
    body = whole(stream(*said, {"text": "", "vendor": None, "finish_reason": "stop"}))
    assert body["choices"][0]["vendor"] == {"hate": "safe"}


def test_errors_have_the_shape_of_openai() -> None:
    error = Broken("It broke.")
    assert orjson.loads(DIALECT.error(error))["error"]["message"] == "It broke."
    (event,) = sse.events(DIALECT.error_event(error))
    assert orjson.loads(event.data)["error"]["code"] == "upstream_broken"
