"""Messages, written: the model inside as the official SDK reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import RawMessageStreamEvent
from pydantic import TypeAdapter

from everwarm.core import sse
from everwarm.core.answer import JSON, Form
from everwarm.core.dialects.anthropic import DIALECT
from everwarm.core.dialects.dialect import Head
from everwarm.core.usage import Usage
from everwarm.core.wire import Delta, Done, Event, Finish, Prefilled
from everwarm.errors import Broken

STREAM = Form(stream=True)
HEAD = Head("00ff", 1_700_000_000, "smollm2", "f" * 40)
HI: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
TOLD = [Prefilled(10, 4, 0.1), Delta(0, "hé"), Delta(0, "llo"), Finish(0, "stop"), Done(Usage(6, 4, 2))]


def written(events: list[Any]) -> bytes:
    writer = DIALECT.writer(HEAD, DIALECT.parse(HI))
    return b"".join(writer.write(event) for event in events)


@contextmanager
def sdk(answer: bytes, kind: str = "text/event-stream", status: int = 200) -> Iterator[anthropic.Anthropic]:
    """The official client, to which any request is answered so."""
    handler: Callable[[httpx2.Request], httpx2.Response]
    handler = lambda request: httpx2.Response(status, content=answer, headers={"content-type": kind})  # noqa: E731
    with (
        httpx2.Client(transport=httpx2.MockTransport(handler)) as http,
        anthropic.Anthropic(api_key="sk-test", max_retries=0, http_client=http) as client,
    ):
        yield client


def test_the_sdk_reads_the_stream() -> None:
    with sdk(written(TOLD)) as client, client.messages.stream(**HI) as stream:
        assert list(stream.text_stream) == ["hé", "llo"]
        whole = stream.get_final_message()
    assert (whole.id, whole.model, whole.role, whole.stop_reason) == ("msg_00ff", "smollm2", "assistant", "end_turn")
    assert (whole.usage.input_tokens, whole.usage.cache_read_input_tokens, whole.usage.output_tokens) == (6, 4, 2)


def test_the_sdk_reads_the_body_that_is_made_of_it() -> None:
    body = DIALECT.convert(written(TOLD), STREAM, JSON)
    assert body is not None
    with sdk(body, "application/json") as client:
        whole = client.messages.create(**HI)
    assert [block.text for block in whole.content if block.type == "text"] == ["héllo"]
    assert whole.usage.output_tokens == 2


def test_each_event_is_of_the_protocol_and_in_its_order() -> None:
    events = sse.events(written(TOLD))
    assert [e.event for e in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    for event in events:
        assert TypeAdapter[Any](RawMessageStreamEvent).validate_json(event.data).type == event.event
    assert TypeAdapter[Any](RawMessageStreamEvent).validate_json(events[0].data).message.usage.input_tokens == 6


def test_what_is_written_is_clean() -> None:
    assert DIALECT.judge(written(TOLD), STREAM) == (True, None, Usage(6, 4, 2))


@pytest.mark.parametrize(
    ("reason", "says", "flaw"),
    [
        ("stop", "end_turn", None),
        ("tool_calls", "tool_use", None),
        ("length", "max_tokens", "it was cut off at max_tokens"),
        ("content_filter", "refusal", "it ended with refusal"),
    ],
)
def test_each_reason_has_its_word(reason: Any, says: str, flaw: str | None) -> None:
    answer = written([Delta(0, "x"), Finish(0, reason), Done(Usage(1, 0, 1))])
    assert f'"stop_reason":"{says}"'.encode() in answer
    assert DIALECT.judge(answer, STREAM) == (True, flaw, Usage(1, 0, 1))


def test_who_does_not_count_in_time_counts_at_the_end() -> None:
    answer = written([Delta(0, "x"), Finish(0, "stop"), Done(Usage(3, 2, 1))])
    with sdk(answer) as client, client.messages.stream(**HI) as stream:
        assert stream.get_final_message().usage.input_tokens == 3


def test_an_empty_answer_has_no_blocks() -> None:
    events: list[Event] = [Prefilled(3, 0, 0.1), Finish(0, "stop"), Done(Usage(3, 0, 0))]
    assert DIALECT.judge(written(events), STREAM).flaw == "it was empty"
    with sdk(written(events)) as client, client.messages.stream(**HI) as stream:
        assert stream.get_final_message().content == []


def test_the_sdk_raises_on_an_error_in_the_middle() -> None:
    answer = written(TOLD[:2]) + DIALECT.error_event(Broken("the upstream stopped"))
    seen: list[str] = []
    with (
        sdk(answer) as client,
        pytest.raises(anthropic.APIStatusError, match="the upstream stopped") as e,
        client.messages.stream(**HI) as stream,
    ):
        seen.extend(stream.text_stream)
    assert seen == ["hé"]
    assert e.value.body == {"type": "error", "error": {"type": "api_error", "message": "the upstream stopped"}}


def test_the_sdk_reads_an_error() -> None:
    e = Broken("no answer")
    with sdk(DIALECT.error(e), "application/json", 502) as client, pytest.raises(anthropic.InternalServerError) as got:
        client.messages.create(**HI)
    assert "no answer" in str(got.value)
