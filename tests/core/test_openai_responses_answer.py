"""Responses, the answer: what it is, and one form made of the other."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from everwarm.core import sse
from everwarm.core.answer import JSON, Form
from everwarm.core.dialects.openai_responses import DIALECT
from everwarm.core.usage import Usage
from requests_like import json_values
from requests_like_responses import responses

STREAM = Form(stream=True)
EVENT = TypeAdapter[Any](ResponseStreamEvent)

SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "héllo", "annotations": []}],
}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "f",
    "arguments": "{}",
    "status": "completed",
}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}
COUNTS = {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 5, "total_tokens": 15}


def response(**more: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "status": "completed", "output": [SAID], "usage": COUNTS, **more}


def body(**more: Any) -> bytes:
    return orjson.dumps(response(**more))


def stream(*events: dict[str, Any]) -> bytes:
    return b"".join(sse.write(orjson.dumps(e), e.get("type", "")) for e in events)


CREATED = {"type": "response.created", "response": response(status="in_progress", output=[], usage=None)}
DELTA = {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "x"}
ITEM_DONE = {"type": "response.output_item.done", "output_index": 0, "item": SAID}


def completed(**more: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": response(**more)}


def unfolded(whole: dict[str, Any]) -> bytes:
    made = DIALECT.convert(orjson.dumps(whole), JSON, STREAM)
    assert made is not None
    return made


# --- judge ----------------------------------------------------------------------------------------------------------

OUTPUTS = [[SAID], [THOUGHT, CALL], [{"type": "custom_tool_call", "input": ""}], [{"type": "new_kind"}]]


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_whole_answer_has_no_flaw(output: list[Any]) -> None:
    for answer, form in ((body(output=output), JSON), (stream(CREATED, completed(output=output)), STREAM)):
        assert DIALECT.judge(answer, form) == (True, None, Usage(6, 4, 5))


FLAWS = [
    ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "cut off at max_output_tokens"),
    ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content filter"),
    ({"status": "incomplete", "incomplete_details": None}, "incomplete"),
    ({"status": "incomplete", "incomplete_details": {"reason": ["new"]}}, "incomplete"),
    ({"status": "failed", "error": {"code": "server_error", "message": "x"}}, "an error"),
    ({"status": "in_progress"}, "did not say"),
    ({"status": "queued"}, "did not say"),
    ({"status": ["completed"]}, "did not say"),
    ({"output": []}, "empty"),
    ({"output": None}, "empty"),
    ({"output": [THOUGHT]}, "empty"),
    ({"output": [3]}, "empty"),
    ({"output": [{**SAID, "content": []}]}, "empty"),
    ({"output": [{**SAID, "content": [{"type": "output_text", "text": ""}, 3]}]}, "empty"),
]


@pytest.mark.parametrize(("more", "flaw"), FLAWS)
def test_what_is_not_whole_has_a_flaw(more: dict[str, Any], flaw: str) -> None:
    for answer, form in ((body(**more), JSON), (stream(CREATED, completed(**more)), STREAM)):
        verdict = DIALECT.judge(answer, form)
        assert verdict.ended
        assert flaw in (verdict.flaw or "")


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b"3", b'{"id":', b'{"error":{"message":"no"}}', b'{"object":"response"}']
)
def test_what_is_no_response_has_a_flaw(answer: bytes) -> None:
    assert DIALECT.judge(answer, JSON).flaw
    assert DIALECT.judge(answer, JSON).usage is None


BROKEN = [
    (b"", False, "broke off"),
    (stream(CREATED), False, "broke off"),
    (stream(CREATED, DELTA, ITEM_DONE), False, "broke off"),
    (stream(CREATED) + sse.DONE, False, "broke off"),
    (stream(CREATED, {"type": "response.completed"}), False, "broke off"),
    (stream(CREATED) + sse.write(b"{no json", "response.output_text.delta"), False, "not a JSON object"),
    (stream(CREATED) + sse.write(b"{no json") + stream(completed()), True, "not a JSON object"),
    (stream(CREATED, completed(), DELTA), True, "after its end"),
    (stream(CREATED, DELTA, {"type": "error", "message": "overloaded", "code": None, "param": None}), True, "an error"),
    (stream(CREATED, {"error": {"message": "overloaded"}}), True, "an error"),
    (stream(CREATED, {"type": "error", "message": "x"}, completed()), True, "an error"),
    (
        stream(CREATED, {"type": "response.failed", "response": response(status="failed", error={})}),
        True,
        "did not say",
    ),
    (stream(CREATED, {"type": "response.incomplete", "response": response(status=None)}), True, "incomplete"),
]


@pytest.mark.parametrize(("answer", "ended", "flaw"), BROKEN)
def test_a_stream_that_is_not_whole_has_a_flaw(answer: bytes, ended: bool, flaw: str) -> None:
    verdict = DIALECT.judge(answer, STREAM)
    assert verdict.ended == ended
    assert flaw in (verdict.flaw or "")


def test_servers_that_say_less_are_understood() -> None:
    """Some end with [DONE]; some leave the output, the status or the type of an event to what was said before."""
    short = {"type": "response.completed", "response": {"id": "resp_1", "usage": COUNTS}}
    named = sse.write(orjson.dumps({"response": response()}), "response.completed")
    unplaced = {"type": "response.output_item.done", "item": SAID}
    for answer in (
        stream(CREATED, completed()) + sse.DONE,
        stream(CREATED, ITEM_DONE, short),
        stream(CREATED, ITEM_DONE, completed(output=[])),
        stream(CREATED, unplaced, short),
        stream(CREATED) + named,
        stream(CREATED, completed()).replace(b"\n", b"\r\n"),
        stream(CREATED) + b": ping\n\n" + stream(completed()),
    ):
        assert DIALECT.judge(answer, STREAM) == (True, None, Usage(6, 4, 5))
        assert orjson.loads(DIALECT.convert(answer, STREAM, JSON) or b"")["output"] == [SAID]


@settings(max_examples=50, deadline=None)
@given(responses(), st.data())
def test_the_end_of_a_stream_tells_that_it_ended(whole: dict[str, Any], data: st.DataObject) -> None:
    answer = unfolded(whole)
    last = len(sse.frames(answer)[-1])
    usage = len(answer) - answer.rindex(b'"usage":')
    cut = data.draw(st.integers(usage, max(usage, last + 200)))
    assert DIALECT.judge(answer[-cut:], STREAM).ended
    if cut < last - len("event: response.completed\n"):
        assert not DIALECT.judge(answer[-cut:-2], STREAM).ended


def test_an_earlier_event_cut_in_two_is_no_end() -> None:
    """Whatever the model says, in its text the quotes are escaped."""
    tricky = {**SAID, "content": [{"type": "output_text", "text": '"usage":{"input_tokens":1}', "annotations": []}]}
    for event in (CREATED, {**DELTA, "delta": '"usage":{"output_tokens":1}'}, {**ITEM_DONE, "item": tricky}):
        assert not DIALECT.judge(stream(event)[30:], STREAM).ended


@given(st.binary(max_size=80), st.booleans())
def test_junk_has_a_flaw_and_no_other_form(junk: bytes, streamed: bool) -> None:
    assert DIALECT.judge(junk, Form(streamed)).flaw
    assert DIALECT.convert(junk, Form(streamed), Form(not streamed)) is None


@given(
    st.lists(json_values, max_size=4), st.sampled_from(["", "response.completed", "response.output_item.done", "error"])
)
def test_events_of_any_shape_are_judged(values: list[Any], name: str) -> None:
    answer = b"".join(
        sse.write(orjson.dumps({"type": name, "response": v, "item": v, "output_index": v})) for v in values
    )
    DIALECT.judge(answer, STREAM)
    made = DIALECT.convert(answer, STREAM, JSON)
    assert made is None or orjson.loads(made)


# --- convert --------------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(responses())
def test_there_and_back_nothing_is_lost(whole: dict[str, Any]) -> None:
    made = unfolded(whole)
    back = DIALECT.convert(made, STREAM, JSON)
    assert orjson.loads(back or b"") == whole
    assert DIALECT.judge(made, STREAM) == DIALECT.judge(orjson.dumps(whole), JSON)
    assert DIALECT.judge(made, STREAM).flaw is None


@settings(max_examples=60, deadline=None)
@given(responses())
def test_events_are_numbered_typed_and_as_the_sdk_knows_them(whole: dict[str, Any]) -> None:
    read = sse.events(unfolded(whole))
    events = [orjson.loads(e.data) for e in read]
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    assert [e["type"] for e in events] == [e.event for e in read]
    for event in events:
        EVENT.validate_python(event)
    Response.model_validate(events[-1]["response"])


def test_a_response_says_nothing_when_it_begins() -> None:
    events = [orjson.loads(e.data) for e in sse.events(unfolded(response()))]
    first, second, last = (e["response"] for e in events if "response" in e)
    assert (
        first == second == {"id": "resp_1", "object": "response", "status": "in_progress", "output": [], "usage": None}
    )
    assert last == response()


@settings(max_examples=60, deadline=None)
@given(responses())
def test_the_pieces_add_up_to_the_whole(whole: dict[str, Any]) -> None:
    items: dict[int, Any] = {}
    for event in (orjson.loads(e.data) for e in sse.events(unfolded(whole))):
        add(items, event)
    assert [items[i] for i in sorted(items)] == [without_status(item) for item in whole["output"]]


def without_status(item: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in item.items() if k != "status"}


def add(items: dict[int, Any], event: dict[str, Any]) -> None:
    """What a client does that shows an answer while it comes: it looks at what is added, never at what is done."""
    kind = event["type"].removeprefix("response.")
    if kind == "output_item.added":
        items[event["output_index"]] = without_status(event["item"])
    if "item_id" not in event:
        return
    item = items[event["output_index"]]
    if kind == "content_part.added":
        item["content"].append(event["part"])
    elif kind == "reasoning_summary_part.added":
        item["summary"].append(event["part"])
    elif kind == "output_text.annotation.added":
        item["content"][event["content_index"]]["annotations"].append(event["annotation"])
    elif kind.endswith(".delta"):
        part, member = target(item, kind, event)
        part[member] += event["delta"]
        if "logprobs" in part:
            part["logprobs"] += event["logprobs"]


def target(item: dict[str, Any], kind: str, event: dict[str, Any]) -> tuple[dict[str, Any], str]:
    if kind == "reasoning_summary_text.delta":
        return item["summary"][event["summary_index"]], "text"
    if "content_index" in event:
        return item["content"][event["content_index"]], "refusal" if kind == "refusal.delta" else "text"
    return item, {"function_call_arguments.delta": "arguments", "custom_tool_call_input.delta": "input"}[kind]


@settings(max_examples=30, deadline=None)
@given(responses())
def test_byte_by_byte_a_stream_is_the_same(whole: dict[str, Any]) -> None:
    made, framer = unfolded(whole), sse.Framer()
    pieces = [framer.feed(made[i : i + 1]) for i in range(len(made))]
    assert [p for p in pieces if p] == sse.frames(made)
    assert not framer.rest


@pytest.mark.parametrize(
    "whole",
    [
        response(status="queued", output=[]),
        response(status=None),
        {"error": {"message": "no"}},
        response(output=None),
        response(output=[3]),
        response(output=[{"id": "x"}]),
        response(output=[{**SAID, "content": None}]),
        response(output=[{**SAID, "content": [{"type": "output_text"}]}]),
    ],
)
def test_what_is_not_understood_stays_in_its_form(whole: dict[str, Any]) -> None:
    assert DIALECT.convert(orjson.dumps(whole), JSON, STREAM) is None


def test_equal_forms_need_nothing() -> None:
    assert DIALECT.convert(body(), JSON, JSON) == body()
    assert DIALECT.strainer(STREAM, Form(stream=True, counted=False)) is None


def test_a_part_of_a_new_type_is_not_lost() -> None:
    whole = response(output=[{**SAID, "content": [{"type": "output_video", "url": "u"}]}])
    assert orjson.loads(DIALECT.convert(unfolded(whole), STREAM, JSON) or b"") == whole
