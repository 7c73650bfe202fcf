"""Chat answers: what their bytes say of them; streams made of bodies and bodies of streams."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.core import sse
from everwarm.core.answer import JSON, Form
from everwarm.core.dialects.dialect import Head
from everwarm.core.dialects.openai_chat import DIALECT
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Finish, Message, Prefilled, Request

COUNTED, PLAIN = Form(True, True), Form(True, False)
USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "prompt_tokens_details": {"cached_tokens": 4}}
HEAD = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "service_tier": "default"}


def stream(*chunks: Any, done: bool = True) -> bytes:
    """A stream of these chunks, each on top of a head."""
    events = [sse.write(orjson.dumps({**HEAD, **c} if isinstance(c, dict) else c)) for c in chunks]
    return b"".join(events) + (sse.DONE if done else b"")


def piece(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish, **more}]}


def body(message: Any = None, finish: str | None = "stop", **more: Any) -> bytes:
    said = {"role": "assistant", "content": "hi"} if message is None else message
    choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": finish}
    return orjson.dumps({**HEAD, "object": "chat.completion", "choices": [choice], "usage": USAGE, **more})


COUNTS: dict[str, Any] = {"choices": [], "usage": USAGE}
HI = (piece({"role": "assistant", "content": ""}), piece({"content": "h"}), piece({"content": "i"}), piece({}, "stop"))


def test_a_whole_answer_is_clean_in_every_form() -> None:
    usage = Usage(5, 4, 2)
    assert DIALECT.judge(body(), JSON) == (True, None, usage)
    assert DIALECT.judge(stream(*HI, COUNTS), COUNTED) == (True, None, usage)
    assert DIALECT.judge(stream(*HI), PLAIN) == (True, None, None)


FLAWED = [
    (body(finish="length"), JSON, True, "it was cut off at max_tokens"),
    (body(finish="content_filter"), JSON, True, "it ended with content_filter"),
    (body(finish=None), JSON, True, "it broke off"),
    (body({"role": "assistant", "content": ""}), JSON, True, "it was empty"),
    (body({"role": "assistant", "content": None}), JSON, True, "it was empty"),
    (b'{"error": {"message": "no"}}', JSON, True, "it was an error"),
    (b'{"choices": []}', JSON, True, "it held no choices"),
    (b'{"choices": [1]}', JSON, True, "it held no choices"),
    (b"[]", JSON, True, "it was not a JSON object"),
    (b'{"choices": [{', JSON, True, "it was not a JSON object"),
    (stream(*HI[:-1], done=False), PLAIN, False, "it broke off"),
    (stream(*HI[:-1]), PLAIN, True, "it broke off"),
    (stream(*HI, done=False), PLAIN, True, "its stream lacked the end, [DONE]"),
    (stream(*HI[:1], HI[-1]), PLAIN, True, "it was empty"),
    (stream(*HI) + stream(HI[1], done=False), PLAIN, True, "something came after its end"),
    (stream(HI[0], {"error": {"message": "overloaded"}}, done=False), PLAIN, True, "it was an error"),
    (stream(*HI[:2], [1], *HI[2:]), PLAIN, True, "an event of it was not a JSON object"),
    (stream(HI[0], done=False) + b"data: {half\n\n", PLAIN, False, "an event of it was not a JSON object"),
    (stream({"choices": 7}), PLAIN, True, "its stream was not of this protocol"),
    (stream({"choices": [{"delta": 1, "index": []}]}, done=False), PLAIN, False, "its stream was not of this protocol"),
    (b"", PLAIN, False, "it broke off"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "form", "ended", "flaw"), FLAWED)
def test_what_is_wrong_with_an_answer(answer: bytes, form: Form, ended: bool, flaw: str) -> None:
    assert DIALECT.judge(answer, form)[:2] == (ended, flaw)


texts = st.text(min_size=1, max_size=12)
calls = st.lists(
    st.fixed_dictionaries(
        {
            "id": texts,
            "type": st.just("function"),
            "function": st.fixed_dictionaries({"name": texts, "arguments": texts}),
        }
    ),
    min_size=1,
    max_size=3,
)
tokens = st.lists(st.fixed_dictionaries({"token": texts, "logprob": st.floats(-9, 0)}), min_size=1, max_size=3)
messages = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.one_of(st.none(), texts)},
    optional={
        "refusal": st.one_of(st.none(), texts),
        "tool_calls": calls,
        "reasoning_content": texts,
        "annotations": st.lists(st.fixed_dictionaries({"type": texts}), min_size=1, max_size=2),
        "function_call": st.fixed_dictionaries({"name": texts, "arguments": texts}),
    },
)
choices = st.fixed_dictionaries(
    {
        "message": messages,
        "logprobs": st.one_of(st.none(), st.fixed_dictionaries({"content": tokens, "refusal": st.none()})),
        "finish_reason": st.sampled_from(["stop", "tool_calls", "length"]),
    }
)


@given(st.lists(choices, min_size=1, max_size=3))
def test_a_body_becomes_a_stream_and_that_becomes_the_body(given_choices: list[dict[str, Any]]) -> None:
    numbered = [{"index": i, **c} for i, c in enumerate(given_choices)]
    whole = {**HEAD, "object": "chat.completion", "choices": numbered, "usage": USAGE}
    streamed = DIALECT.convert(orjson.dumps(whole), JSON, COUNTED)
    assert streamed is not None
    assert streamed.endswith(sse.DONE)
    back = DIALECT.convert(streamed, COUNTED, JSON)
    assert back is not None
    assert orjson.loads(back) == whole
    plain = DIALECT.convert(orjson.dumps(whole), JSON, PLAIN)
    assert plain is not None
    assert b"usage" not in plain
    assert DIALECT.convert(streamed, COUNTED, PLAIN) == plain


@given(st.data())
def test_however_a_text_was_cut_the_body_is_the_same(data: st.DataObject) -> None:
    parts = data.draw(st.lists(texts, min_size=1, max_size=6))
    arguments = data.draw(st.lists(texts, min_size=1, max_size=4))
    call = {"index": 0, "id": "t", "type": "function", "function": {"name": "f", "arguments": ""}}
    pieces = [{"index": 0, "function": {"arguments": a}} for a in arguments]
    streamed = stream(
        piece({"role": "assistant", "content": None}),
        *(piece({"content": p}) for p in parts),
        piece({"tool_calls": [call]}),
        *(piece({"tool_calls": [p]}) for p in pieces),
        piece({"tool_calls": [{"index": 0, "function": {"name": None}}]}),
        piece({}, "tool_calls"),
        {**COUNTS, "obfuscation": "xx"},
        done=data.draw(st.booleans()),
    )
    whole = DIALECT.convert(streamed, COUNTED, JSON)
    assert whole is not None
    message = orjson.loads(whole)["choices"][0]["message"]
    assert message["content"] == "".join(parts)
    assert message["tool_calls"][0]["function"]["arguments"] == "".join(arguments)
    assert "index" not in message["tool_calls"][0]
    assert "obfuscation" not in orjson.loads(whole)


UNFIT = [
    (stream(*HI), PLAIN, JSON),  # no counts
    (stream(*HI), PLAIN, COUNTED),
    (stream(done=True), COUNTED, JSON),
    (stream(piece({"hologram": "x"}), COUNTS), COUNTED, JSON),
    (stream(piece({"tool_calls": [{"index": 4}]}), COUNTS), COUNTED, JSON),
    (stream(piece({}, logprobs={"content": []}), piece({}, logprobs={"other": []}), COUNTS), COUNTED, JSON),
    (stream({"choices": [{"delta": {}}]}, COUNTS), COUNTED, JSON),
    (stream(piece({"content": "x"}), {**COUNTS, "object": "unheard.of"}), COUNTED, JSON),
    (body(usage=None), JSON, COUNTED),
    (b"{", JSON, COUNTED),
]


@pytest.mark.parametrize(("answer", "have", "want"), UNFIT)
def test_what_is_not_understood_is_not_converted(answer: bytes, have: Form, want: Form) -> None:
    assert DIALECT.convert(answer, have, want) is None


def test_a_field_of_log_probabilities_may_come_in_some_chunks_only() -> None:
    parts = [piece({"content": "a"}, logprobs={"content": [1]}), piece({"content": "b"}, logprobs={"content": [2]})]
    whole = DIALECT.convert(stream(*parts, piece({}, "stop", logprobs=None), COUNTS), COUNTED, JSON)
    assert whole is not None
    assert orjson.loads(whole)["choices"][0]["logprobs"] == {"content": [1, 2]}


def test_counts_are_strained_out_of_a_stream_event_by_event() -> None:
    strain = DIALECT.strainer(COUNTED, PLAIN)
    assert strain is not None
    with_nulls = [{**p, "usage": None} for p in HI]
    got = b"".join(strain(frame) for frame in sse.frames(stream(*with_nulls, COUNTS)))
    assert got == stream(*HI)
    assert strain(b": ping\n\n") == b": ping\n\n"
    odd = b'data: {"usage" is not json\n\n'
    assert strain(odd) == odd
    nested = b'data: {"x": {"usage": 1}}\n\n'
    assert strain(nested) == nested
    assert DIALECT.strainer(PLAIN, COUNTED) is None


def test_the_model_inside_is_written_as_chunks_that_fold_to_a_clean_body() -> None:
    request = Request("openai_chat", "m", (Message("user", ()),))
    writer = DIALECT.writer(Head("ab", 5, "m", "0123456789abcdef"), request)
    events = [
        Prefilled(3, 1, 0.1), Delta(0, "h"), Delta(1, "x"), Delta(0, "i"), Finish(0, "stop"), Finish(1, "length"),
        Finish(2, "stop"), Done(Usage(2, 1, 3)),
    ]  # fmt: skip
    streamed = b"".join(writer.write(e) for e in events)
    whole = DIALECT.convert(streamed, COUNTED, JSON)
    assert whole is not None
    value = orjson.loads(whole)
    assert value["id"] == "chatcmpl-ab"
    assert value["system_fingerprint"] == "fp_0123456789ab"
    assert [c["message"]["content"] for c in value["choices"]] == ["hi", "x", ""]
    assert [c["finish_reason"] for c in value["choices"]] == ["stop", "length", "stop"]
    assert value["usage"]["prompt_tokens"] == 3
    assert value["usage"]["prompt_tokens_details"] == {"cached_tokens": 1}


def test_completions_fold_too() -> None:
    chunk = {"id": "c", "object": "text_completion", "created": 1, "model": "m"}
    pieces = [{**chunk, "choices": [{"index": 0, "text": t, "logprobs": None, "finish_reason": f}]}
              for t, f in (("a", None), ("b", "stop"))]  # fmt: skip
    streamed = b"".join(sse.write(orjson.dumps(p)) for p in [*pieces, {**chunk, **COUNTS}]) + sse.DONE
    whole = DIALECT.convert(streamed, COUNTED, JSON)
    assert whole is not None
    assert orjson.loads(whole)["choices"] == [{"index": 0, "text": "ab", "logprobs": None, "finish_reason": "stop"}]
    assert DIALECT.judge(whole, JSON).flaw is None
    assert DIALECT.judge(streamed, COUNTED).flaw is None
    again = DIALECT.convert(whole, JSON, COUNTED)
    assert again is not None
    assert DIALECT.convert(again, COUNTED, JSON) == whole
