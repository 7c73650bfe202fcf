"""Responses, written: what the model inside says, as the official SDK reads it."""

from __future__ import annotations

from typing import Any

import httpx2
import openai
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from everwarm.core import sse
from everwarm.core.answer import JSON, Form
from everwarm.core.dialects.dialect import Head
from everwarm.core.dialects.openai_responses import DIALECT
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish, Prefilled
from everwarm.errors import BadRequest, Broken, EverwarmError
from requests_like import text
from requests_like_responses import responses_requests

EVENT = TypeAdapter[Any](ResponseStreamEvent)
STREAM = Form(stream=True)
HEAD = Head("0123", 17, "m", "f" * 16)
USAGE = Usage(6, 4, 5, 2, 1)
HI: dict[str, Any] = {"model": "m", "input": "hi"}
SPOKEN: list[Event] = [Prefilled(10, 4, 0.1), Delta(0, "Hé"), Delta(0, "llo"), Finish(0, "stop"), Done(USAGE)]


def written(events: list[Event], **more: Any) -> bytes:
    writer = DIALECT.writer(HEAD, DIALECT.parse({**HI, **more}))
    return b"".join(writer.write(e) for e in events)


def whole(stream: bytes) -> dict[str, Any]:
    made: dict[str, Any] = orjson.loads(DIALECT.convert(stream, STREAM, JSON) or b"")
    return made


def test_the_events_are_those_of_the_reference_in_their_order() -> None:
    events = sse.events(written(SPOKEN))
    assert [e.event for e in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    read = [orjson.loads(e.data) for e in events]
    assert [e["type"] for e in read] == [e.event for e in events]
    assert [e["sequence_number"] for e in read] == list(range(len(read)))
    assert [e["delta"] for e in read if "delta" in e] == ["Hé", "llo"]
    assert {e["item_id"] for e in read if "item_id" in e} == {"msg_0123"}
    assert [e["response"]["status"] for e in read if "response" in e] == ["in_progress", "in_progress", "completed"]
    assert [e["item"]["status"] for e in read if "item" in e] == ["in_progress", "completed"]


def test_the_response_opens_before_the_first_word() -> None:
    writer = DIALECT.writer(HEAD, DIALECT.parse(HI))
    assert [e.event for e in sse.events(writer.write(SPOKEN[0]))] == ["response.created", "response.in_progress"]
    assert [e.event for e in sse.events(writer.write(SPOKEN[2]))][-1] == "response.output_text.delta"


def test_the_whole_response() -> None:
    made = whole(written(SPOKEN))
    assert (made["id"], made["object"], made["created_at"], made["model"]) == ("resp_0123", "response", 17, "m")
    assert made["output"][0]["content"][0]["text"] == "Héllo"
    assert made["usage"] == {
        "input_tokens": 12,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 17,
    }
    assert DIALECT.judge(written(SPOKEN), STREAM) == (True, None, USAGE)


@pytest.mark.parametrize(
    ("reason", "why", "flaw"),
    [
        ("length", "max_output_tokens", "cut off at max_output_tokens"),
        ("content_filter", "content_filter", "content filter"),
    ],
)
def test_an_answer_that_was_cut_off_is_incomplete(reason: Any, why: str, flaw: str) -> None:
    stream = written([Delta(0, "Hé"), Finish(0, reason), Done(USAGE)])
    assert sse.events(stream)[-1].event == "response.incomplete"
    made = whole(stream)
    assert (made["status"], made["incomplete_details"]) == ("incomplete", {"reason": why})
    assert made["output"][0]["status"] == "incomplete"
    assert flaw in (DIALECT.judge(stream, STREAM).flaw or "")


def test_an_answer_without_a_word_is_a_message_all_the_same() -> None:
    stream = written([Finish(0, "stop"), Done(USAGE)])
    assert whole(stream)["output"][0]["content"][0]["text"] == ""
    assert DIALECT.judge(stream, STREAM).flaw == "it was empty"


def test_an_answer_that_broke_off_has_not_ended() -> None:
    assert not DIALECT.judge(written(SPOKEN[:3]), STREAM).ended
    assert not DIALECT.judge(written(SPOKEN[:-1]), STREAM).ended


def test_the_response_repeats_what_was_asked_for() -> None:
    asked = {
        "instructions": "be brief",
        "temperature": 0,
        "max_output_tokens": 20,
        "metadata": {"a": "b"},
        "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}],
        "tool_choice": "none",
        "text": {"format": {"type": "text"}, "verbosity": "low"},
        "parallel_tool_calls": False,
        "top_p": None,
    }
    made = whole(written(SPOKEN, **asked, store=True, user="somebody", vendor=1))
    for name in asked.keys() - {"tools", "top_p"}:
        assert made[name] == asked[name]
    assert made["top_p"] == 1.0
    assert [t["name"] for t in made["tools"]] == ["f", "c"]
    assert (made["previous_response_id"], made["truncation"]) == (None, "disabled")
    assert made["store"] is False
    assert "user" not in made


def test_the_response_says_what_holds_where_nothing_was_asked() -> None:
    made = whole(written(SPOKEN))
    assert (made["temperature"], made["top_p"], made["tools"], made["tool_choice"]) == (1.0, 1.0, [], "auto")
    assert (made["instructions"], made["metadata"], made["parallel_tool_calls"]) == (None, {}, True)
    assert made["text"] == {"format": {"type": "text"}}


answers = st.builds(
    lambda said, reason: [*said, Finish(0, reason), Done(USAGE)],
    st.lists(text.filter(bool).map(lambda t: Delta(0, t)), max_size=4),
    st.sampled_from(["stop", "length"]),
)


@settings(max_examples=60, deadline=None)
@given(answers, responses_requests())
def test_the_sdk_knows_every_event_and_the_response(events: list[Event], value: dict[str, Any]) -> None:
    request = DIALECT.parse({**value, "input": "hi", "text": None, "previous_response_id": None})
    writer = DIALECT.writer(HEAD, request)
    stream = b"".join(writer.write(e) for e in events)
    for event in sse.events(stream):
        EVENT.validate_json(event.data)
    Response.model_validate(whole(stream))


# --- through the official SDK ---------------------------------------------------------------------------------------


def client(data: bytes, kind: str) -> openai.OpenAI:
    """One that gets these bytes for an answer."""
    answer = httpx2.MockTransport(lambda _: httpx2.Response(200, content=data, headers={"content-type": kind}))
    return openai.OpenAI(
        api_key="k", base_url="http://test/v1", http_client=httpx2.Client(transport=answer), max_retries=0
    )


def test_the_sdk_reads_the_stream_and_the_body() -> None:
    stream = written(SPOKEN)
    with (
        client(stream, "text/event-stream") as streaming,
        streaming.responses.stream(model="m", input="hi") as events,
    ):
        streamed = events.get_final_response()
    with client(DIALECT.convert(stream, STREAM, JSON) or b"", "application/json") as plain:
        read = plain.responses.create(model="m", input="hi")
    assert streamed.output_text == read.output_text == "Héllo"
    assert streamed.usage == read.usage
    assert read.status == "completed"


@pytest.mark.parametrize("e", [Broken("the upstream went away"), BadRequest("no", param="input"), EverwarmError("")])
def test_the_sdk_raises_where_an_error_comes_in_the_middle(e: EverwarmError) -> None:
    data = written(SPOKEN[:3]) + DIALECT.error_event(e)
    with client(data, "text/event-stream") as sdk:
        events = iter(sdk.responses.create(model="m", input="hi", stream=True))
        assert next(events).type == "response.created"
        with pytest.raises(openai.APIError) as caught:
            list(events)
    assert caught.value.body == {"message": e.message, "type": e.kind, "param": e.param, "code": e.code}


def test_an_error_in_the_middle_is_named_typed_and_ends_the_stream() -> None:
    event = DIALECT.error_event(Broken("the upstream went away"))
    [read] = sse.events(event)
    assert read.event == "error"
    assert EVENT.validate_json(read.data).message == "the upstream went away"
    assert DIALECT.judge(written(SPOKEN[:3]) + event, STREAM) == (True, "it was an error", None)
