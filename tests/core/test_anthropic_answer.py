"""Messages, the answer: what it is, and one form made of the other."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from everwarm.core import sse
from everwarm.core.answer import JSON, Form
from everwarm.core.dialects.anthropic import DIALECT
from everwarm.core.dialects.anthropic_answer import write_count
from everwarm.core.usage import Usage
from requests_like_anthropic import anthropic_messages

STREAM = Form(stream=True)
EVENT = TypeAdapter[Any](RawMessageStreamEvent)

COUNTS = {"input_tokens": 6, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 4, "output_tokens": 3}
SAID = {"type": "text", "text": "héllo"}


def message(**more: Any) -> dict[str, Any]:
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [SAID]}
    return {**whole, "stop_reason": "end_turn", "stop_sequence": None, "usage": COUNTS, **more}


def body(**more: Any) -> bytes:
    return orjson.dumps(message(**more))


def stream(*events: dict[str, Any]) -> bytes:
    return b"".join(sse.write(orjson.dumps(e), e.get("type", "")) for e in events)


def begin(**usage: Any) -> dict[str, Any]:
    start = message(content=[], stop_reason=None, usage={**COUNTS, "output_tokens": 1, **usage})
    return {"type": "message_start", "message": start}


def opened(block: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(kind: str, index: int = 0, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", **members}}


def closed(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def end(reason: str | None = "end_turn", **usage: Any) -> dict[str, Any]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 3, **usage}}


PING = {"type": "ping"}
STOP = {"type": "message_stop"}
TEXT = (opened({"type": "text", "text": ""}), piece("text", text="hé"), piece("text", text="llo"), closed())
GOOD = (begin(), TEXT[0], PING, *TEXT[1:], end(), STOP)
ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


# --- what an answer is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["end_turn", "tool_use", "stop_sequence"])
def test_a_whole_answer_is_clean_in_both_forms(reason: str) -> None:
    assert DIALECT.judge(body(stop_reason=reason), JSON) == (True, None, Usage(6, 4, 3))
    events = (begin(), *TEXT, end(reason), STOP)
    assert DIALECT.judge(stream(*events), STREAM) == (True, None, Usage(6, 4, 3))


CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (body()[:-1], "not a JSON object"),
        (body() + b"x", "not a JSON object"),
        (orjson.dumps(ERROR), "an error"),
        (b"{}", "not a message"),
        (body(type="completion"), "not a message"),
        (body(content=None), "not a message"),
        (body(content=[]), "empty"),
        (body(content=[{"type": "text", "text": ""}]), "empty"),
        (body(content=[THOUGHT, {"type": "redacted_thinking", "data": "x"}]), "empty"),
        (body(content=[5]), "empty"),
        (body(stop_reason="max_tokens"), "cut off at max_tokens"),
        (body(stop_reason="model_context_window_exceeded"), "where the context ends"),
        (body(stop_reason="pause_turn"), "paused"),
        (body(stop_reason="refusal"), "ended with refusal"),
        (body(stop_reason="compaction"), "ended with compaction"),
        (body(stop_reason=["end_turn"]), "ended with"),
        (body(stop_reason=None), "broke off"),
    ],
)
def test_a_body_that_is_not_clean_says_why(answer: bytes, says: str) -> None:
    verdict = DIALECT.judge(answer, JSON)
    assert verdict.ended
    assert says in (verdict.flaw or "")


def test_a_call_of_a_tool_is_an_answer() -> None:
    assert DIALECT.judge(body(content=[THOUGHT, CALL], stop_reason="tool_use"), JSON).flaw is None
    events = (begin(), opened(CALL), closed(), end("tool_use"), STOP)
    assert DIALECT.judge(stream(*events), STREAM).flaw is None


@pytest.mark.parametrize(
    ("events", "ended", "says"),
    [
        ((), False, "message_stop"),
        (GOOD[:-1], False, "message_stop"),
        (GOOD[:-2], False, "message_stop"),
        ((begin(), *TEXT, STOP), True, "broke off"),
        ((begin(), *TEXT, end(None), STOP), True, "broke off"),
        (GOOD[1:], True, "message_start"),
        ((begin(), end(), STOP), True, "empty"),
        ((begin(), opened({"type": "text", "text": ""}), closed(), end(), STOP), True, "empty"),
        ((begin(), opened(THOUGHT), piece("thinking", thinking="x"), closed(), end(), STOP), True, "empty"),
        ((begin(), *TEXT, end("max_tokens"), STOP), True, "max_tokens"),
        ((begin(), *TEXT, end("refusal"), STOP), True, "refusal"),
        ((begin(), *TEXT[:2], ERROR), True, "an error"),
        ((ERROR,), True, "an error"),
        ((*GOOD, *TEXT), True, "after its end"),
        ((*GOOD, STOP), True, "after its end"),
        (({"type": "message_start"}, *GOOD), True, "not of this protocol"),
        (({"type": "message_delta", "delta": 5}, *GOOD), True, "not of this protocol"),
    ],
)
def test_a_stream_that_is_not_clean_says_why(events: tuple[dict[str, Any], ...], ended: bool, says: str) -> None:
    verdict = DIALECT.judge(stream(*events), STREAM)
    assert verdict.ended == ended
    assert says in (verdict.flaw or "")


def test_events_that_nobody_knows_say_nothing() -> None:
    events = (begin(), {"type": "news", "delta": 3}, *TEXT, {"type": ""}, end(), STOP, PING)
    assert DIALECT.judge(stream(*events), STREAM) == (True, None, Usage(6, 4, 3))


@pytest.mark.parametrize("junk", [b"data: {\n\n", b"data: [1]\n\n", b"data: x\n", b"junk: y\ndata: 5"])
def test_junk_after_the_end_is_a_flaw(junk: bytes) -> None:
    verdict = DIALECT.judge(stream(*GOOD) + junk, STREAM)
    assert verdict.ended
    assert verdict.flaw is not None


def test_counts_are_totals_of_which_the_later_wins() -> None:
    parts = {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}
    first = begin(cache_creation_input_tokens=30, cache_creation=parts, service_tier="standard")
    last = end(input_tokens=7, cache_creation_input_tokens=31, cache_read_input_tokens=None, output_tokens=9)
    verdict = DIALECT.judge(stream(first, *TEXT, last, STOP), STREAM)
    assert verdict.usage == Usage(7, 4, 9, cache_write=11, cache_write_long=20)


def test_an_answer_without_counts_may_be_clean_too() -> None:
    first, last = {"type": "message_start", "message": message(usage=None)}, {**end(), "usage": None}
    assert DIALECT.judge(stream(first, *TEXT, last, STOP), STREAM) == (True, None, None)
    assert folded(first, *TEXT, last, STOP) is None
    assert DIALECT.judge(body(usage=None), JSON) == (True, None, None)


@given(st.integers(0, 2000))
def test_the_end_of_a_long_stream_tells_that_it_ended(start: int) -> None:
    whole = stream(*GOOD)
    last = len(whole) - len(stream(STOP))
    assert DIALECT.judge(whole[min(start, last) :], STREAM).ended
    assert not DIALECT.judge(whole[min(start, last) : last], STREAM).ended


@given(st.binary(max_size=200), st.booleans())
def test_nonsense_is_judged_too(answer: bytes, streamed: bool) -> None:
    form = Form(streamed)
    assert DIALECT.judge(answer, form).flaw is not None
    assert DIALECT.convert(answer, form, Form(not streamed)) is None


@given(st.integers(1, 60))
def test_bytes_that_come_in_pieces_are_the_same_events(size: int) -> None:
    whole = stream(*GOOD)
    framer = sse.Framer()
    got = [framer.feed(whole[at : at + size]) for at in range(0, len(whole), size)]
    assert b"".join(got) == whole
    assert all(sse.frames(piece)[-1].endswith(b"\n\n") for piece in got if piece)


# --- one form made of the other -------------------------------------------------------------------------------------


def folded(*events: dict[str, Any]) -> dict[str, Any] | None:
    answer = DIALECT.convert(stream(*events), STREAM, JSON)
    return None if answer is None else json.loads(answer)


def exactly(value: Any) -> str:
    """Text that tells 1 from 1.0."""
    return json.dumps(value, sort_keys=True)


@settings(max_examples=300)
@given(anthropic_messages())
def test_a_body_as_a_stream_and_back_is_the_same(whole: dict[str, Any]) -> None:
    data = json.dumps(whole, ensure_ascii=False).encode()
    streamed = DIALECT.convert(data, JSON, STREAM)
    assert streamed is not None
    back = DIALECT.convert(streamed, STREAM, JSON)
    assert back is not None
    assert exactly(json.loads(back)) == exactly(whole)
    assert DIALECT.judge(streamed, STREAM) == DIALECT.judge(data, JSON)


@given(anthropic_messages())
def test_the_sdk_reads_what_is_made(whole: dict[str, Any]) -> None:
    whole["content"] = [b for b in whole["content"] if b["type"] != "block_of_the_future"]
    streamed = DIALECT.convert(json.dumps(whole).encode(), JSON, STREAM)
    assert streamed is not None
    for event in sse.events(streamed):
        assert EVENT.validate_json(event.data).type == event.event
    back = DIALECT.convert(streamed, STREAM, JSON)
    assert back is not None
    Message.model_validate_json(back)


def test_a_real_stream_is_folded() -> None:
    assert folded(*GOOD) == message(usage={**COUNTS, "output_tokens": 3})


CITED = {"type": "char_location", "cited_text": "x", "document_index": 0}


def test_a_stream_with_all_kinds_of_blocks_is_folded() -> None:
    whole = folded(
        begin(output_tokens=2),
        opened({"type": "thinking", "thinking": "", "signature": ""}, 0),
        piece("thinking", 0, thinking="let "),
        piece("thinking", 0, thinking="me see"),
        piece("signature", 0, signature="c2ln"),
        closed(0),
        opened({"type": "redacted_thinking", "data": "zzz"}, 1),
        closed(1),
        opened({"type": "text", "text": "", "citations": []}, 2),
        piece("text", 2, text="so"),
        piece("citations", 2, citation=CITED),
        closed(2),
        opened({"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}, 3),
        piece("input_json", 3, partial_json=""),
        piece("input_json", 3, partial_json='{"n": 12345678901234567890'),
        piece("input_json", 3, partial_json='12, "é": [1.0]}'),
        closed(3),
        opened({"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}}, 4),
        piece("input_json", 4, partial_json=""),
        closed(4),
        {
            "type": "message_delta",
            "delta": {"stop_reason": "tool_use", "stop_sequence": None, "container": None},
            "usage": {"output_tokens": 89, "cache_read_input_tokens": None},
            "context_management": {"applied_edits": []},
        },
        STOP,
    )
    assert whole == {
        **message(stop_reason="tool_use", container=None, context_management={"applied_edits": []}),
        "content": [
            {"type": "thinking", "thinking": "let me see", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "zzz"},
            {"type": "text", "text": "so", "citations": [CITED]},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"n": 1234567890123456789012, "é": [1.0]}},
            {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
        ],
        "usage": {**COUNTS, "output_tokens": 89},
    }


def test_where_another_model_goes_on_the_whole_bears_its_name() -> None:
    handed = {"type": "fallback", "from": {"model": "claude-x"}, "to": {"model": "claude-y"}}
    whole = folded(begin(), opened(handed, 0), closed(), opened(SAID, 1), end(), STOP)
    assert whole is not None
    assert whole["model"] == "claude-y"


@pytest.mark.parametrize(
    "events",
    [
        (),
        GOOD[1:],
        GOOD[:-1],
        (begin(), *GOOD),
        (begin(), *TEXT, {"type": "news"}, end(), STOP),
        (begin(), *TEXT[:2], piece("news", text="x"), end(), STOP),
        (begin(), *TEXT[:2], piece("text", index=1, text="x"), end(), STOP),
        (begin(), *TEXT[:2], piece("text", index=-1, text="x"), end(), STOP),
        (begin(), opened(SAID, 1), end(), STOP),
        (begin(), opened(THOUGHT), piece("signature", signature="t"), end(), STOP),
        (begin(), opened(SAID), piece("thinking", thinking="t"), end(), STOP),
        (begin(), opened(CALL), piece("input_json", partial_json="{"), end(), STOP),
        (begin(), opened(CALL), piece("input_json", partial_json="[1]"), end(), STOP),
        (begin(), opened(CALL), piece("input_json", partial_json='{"a": NaN}'), end(), STOP),
        (begin(), opened({**CALL, "input": {"a": 1}}), piece("input_json", partial_json="{}"), end(), STOP),
        (begin(), opened({**CALL, "input": None}), piece("input_json", partial_json="{}"), end(), STOP),
        (begin(), *TEXT, {**end(), "news": 1}, STOP),
        (begin(), *TEXT, {**end(), "delta": {"news": 1}}, STOP),
        ({"type": "message_start", "message": {"content": []}}, *TEXT, end(), STOP),
        (begin(), ERROR),
    ],
)
def test_what_is_not_understood_is_not_folded(events: tuple[dict[str, Any], ...]) -> None:
    assert folded(*events) is None


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b'{"usage": {}, "content": 5}',
        body(usage=None),
        body(content=[{"no": "type"}]),
        body(content=[{"type": "text", "text": None}]),
        body(content=[{"type": "text", "text": "x", "citations": 5}]),
        body(content=[{**CALL, "input": "{}"}]),
        body().replace(b"6", b"1e999"),
        body().replace(b"6", b"NaN"),
        body().replace(b"llo", b"\\ud800"),
        body().replace(b"6", b"6" * 30),
        b"\xff",
        b"[" * 5000,
    ],
)
def test_what_is_not_understood_is_not_unfolded(data: bytes) -> None:
    assert DIALECT.convert(data, JSON, STREAM) is None


def test_the_same_form_is_the_same_bytes() -> None:
    assert DIALECT.convert(b"x", STREAM, STREAM) == b"x"
    assert DIALECT.convert(b"x", JSON, JSON) == b"x"
    assert DIALECT.strainer(STREAM, Form(True, False)) is None


@given(st.integers(1, 40))
def test_a_stream_is_folded_however_its_lines_end(size: int) -> None:
    whole = stream(*GOOD).replace(b"\n", b"\r\n")
    expected = orjson.dumps(message(usage={**COUNTS, "output_tokens": 3}))
    assert DIALECT.convert(b": a comment\r\n\r\n" + whole, STREAM, JSON) == expected
    assert DIALECT.convert(whole[:-size], STREAM, JSON) in (None, expected)


def test_a_count_of_tokens_is_written() -> None:
    assert write_count(7) == b'{"input_tokens":7}'
