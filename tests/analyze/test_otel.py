"""OpenTelemetry: OTLP in JSON, under the names of today's convention, of older ones, and of two other projects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from everwarm.analyze.formats import otel
from everwarm.analyze.reading.record import Unread
from everwarm.core.analysis.call import Line
from everwarm.core.usage import Usage
from logged import CHAT, found, json_lines, one, records, unread

AT = 1_760_000_000.5


def attributes(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_value(value)} for key, value in said.items()]


def any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(each) for each in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": attributes(value)}}
    return {"stringValue": value}


def span(said: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "chat gpt-5.1",
        "kind": 3,
        "startTimeUnixNano": "1760000000500000000",
        "endTimeUnixNano": "1760000002500000000",
        "attributes": attributes(said),
        "status": {},
        **members,
    }


def traces(*spans: dict[str, Any]) -> dict[str, Any]:
    resource = {"attributes": attributes({"service.name": "support"})}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "x"}, "spans": list(spans)}]}]}


def logged(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": list(rows)}]}]}


NOW: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5.1",
    "gen_ai.response.id": "chatcmpl-0123456789",
    "gen_ai.response.time_to_first_chunk": 1.0,
    "gen_ai.conversation.id": "conv_1",
    "gen_ai.usage.input_tokens": 2000,
    "gen_ai.usage.output_tokens": 10,
    "gen_ai.usage.cache_read.input_tokens": 1536,
    "gen_ai.usage.cache_creation.input_tokens": 64,
    "gen_ai.usage.reasoning.output_tokens": 4,
}
SYSTEM = [{"type": "text", "content": "Be kind."}]
MESSAGES = [
    {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
    {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"at": "Paris"}}]},
    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "rain"}]},
]
TOOLS = [{"type": "function", "name": "look", "description": "Looks.", "parameters": {"type": "object"}}]
ANSWER = [{"role": "assistant", "parts": [{"type": "text", "content": "Rain."}], "finish_reason": "stop"}]
SAID = {
    "gen_ai.system_instructions": SYSTEM,
    "gen_ai.input.messages": MESSAGES,
    "gen_ai.tool.definitions": TOOLS,
    "gen_ai.output.messages": ANSWER,
}
BODY = {
    "model": "gpt-5.1",
    "tools": [
        {"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}
    ],
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "Be kind."}]},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":"Paris"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ],
}


@pytest.mark.parametrize("written", [json.dumps, lambda value: value], ids=["as text", "structured"])
def test_a_span_of_the_convention(written: Any, tmp_path: Path) -> None:
    said = NOW | {name: written(value) for name, value in SAID.items()}
    record = one(tmp_path, traces(span(said)), otel.FORMAT)
    assert record.body == BODY
    assert record.usage == Usage(400, 1536, 10, 64, 4)
    assert (record.at, record.began, record.ended) == (AT, AT + 1, AT + 2)
    assert record.line == Line("openai", "gpt-5.1", "", "support", "conv_1")
    assert (record.dialect, record.id, record.failed) == ("openai_chat", "chatcmpl-0123456789", False)
    assert len(record.answer) == 16


def test_a_span_without_messages_has_tokens(tmp_path: Path) -> None:
    record = one(tmp_path, traces(span(NOW)))
    assert (record.body, record.dialect, record.usage) == (None, "", Usage(400, 1536, 10, 64, 4))


def test_messages_in_the_event_of_the_convention(tmp_path: Path) -> None:
    details = "gen_ai.client.inference.operation.details"
    within = span(NOW, events=[{"name": details, "timeUnixNano": "1", "attributes": attributes(SAID)}])
    assert one(tmp_path, traces(within)).body == BODY
    apart = {"timeUnixNano": "1760000000500000000", "eventName": details, "attributes": attributes(NOW | SAID)}
    record = one(tmp_path, logged(apart), otel.FORMAT)
    assert (record.body, record.id) == (BODY, "chatcmpl-0123456789"), "the same call as its span"


def details(**members: Any) -> dict[str, Any]:
    """A log record with all of the call, which has no time but that at which it was seen."""
    name, seen = "gen_ai.client.inference.operation.details", "1760000002400000000"
    return {"eventName": name, "observedTimeUnixNano": seen, "attributes": attributes(NOW | SAID), **members}


@pytest.mark.parametrize("order", [1, -1], ids=["before its span", "behind it"])
def test_details_have_the_times_of_their_span(order: int, tmp_path: Path) -> None:
    """Whichever comes first; what was read twice counts once, and has both the prompt and the times."""
    apart = logged(details(spanId="eee19b7ec3c1b174"))
    rows = [apart, traces(span(NOW))][::order]
    *_, last = records(tmp_path, json_lines(*rows), form=otel.FORMAT)
    assert (last.body, last.at, last.ended, last.id) == (BODY, AT, AT + 2, "chatcmpl-0123456789")


def test_details_without_a_span_have_their_own_time(tmp_path: Path) -> None:
    for members in ({}, {"spanId": "eee19b7ec3c1b174"}):
        record = one(tmp_path, logged(details(**members)), otel.FORMAT)
        assert (record.body, record.at) == (BODY, AT + 1.9)


def test_many_details_wait_for_no_span_in_vain(tmp_path: Path) -> None:
    said = {**NOW, "gen_ai.response.id": ""}
    rows = [logged(details(spanId=f"{n:016}", attributes=attributes(said))) for n in range(1030)]
    got = records(tmp_path, json_lines(*rows, *(traces(span(said, spanId=f"{n:016}")) for n in range(1030, 2060))))
    assert [record.place.line for record in got[:7]] == [*range(1, 7), 1031], "the first ones, and then the spans"
    assert len(got) == 2060


def test_a_call_in_a_call_is_one(tmp_path: Path) -> None:
    """Two libraries tell of it: the inner one has the id and when the answer began, the outer one the prompt."""
    inner = NOW | {"gen_ai.response.time_to_first_chunk": 0.5}
    outer = {name: value for name, value in (NOW | SAID).items() if not name.startswith("gen_ai.response.")}
    rows = traces(span(inner, spanId="b" * 16, parentSpanId="a" * 16), span(outer, spanId="a" * 16))
    first, second = records(tmp_path, json_lines(rows), form=otel.FORMAT)
    assert (first.id, first.body) == (second.id, None)
    assert (second.body, first.began, second.began) == (BODY, AT + 0.5, AT + 0.5)


@pytest.mark.parametrize(
    "name",
    [
        "First Token Stream Event",
        "gen_ai.content.completion.chunk",
        "llm.content.completion.chunk",
        "ai.stream.firstChunk",
    ],
)
def test_when_an_answer_began(name: str, tmp_path: Path) -> None:
    chunks = [{"name": name, "timeUnixNano": str(1_760_000_001_000_000_000 + n)} for n in (0, 500_000_000)]
    assert one(tmp_path, traces(span(NOW, events=[{"name": "x"}, *chunks]))).began == AT + 0.5


OLD_MESSAGES = [
    ("gen_ai.system.message", {"content": "Be kind."}),
    ("gen_ai.user.message", {"content": "Weather?"}),
    ("gen_ai.assistant.message", {"tool_calls": [{"id": "c1", "type": "function"}]}),
    ("gen_ai.tool.message", {"id": "c1", "content": "rain"}),
]
OLD_BODY = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Weather?"},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function"}]},
    {"role": "tool", "content": "rain", "tool_call_id": "c1"},
]


def test_messages_in_older_events(tmp_path: Path) -> None:
    old = {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-5.1", "gen_ai.usage.prompt_tokens": 20}
    rows = [{"spanId": "eee19b7ec3c1b174", "eventName": name, "body": any_value(body)} for name, body in OLD_MESSAGES]
    (record,) = records(tmp_path, json_lines(logged(*rows), traces(span(old))))
    assert record.body == {"model": "gpt-5.1", "messages": OLD_BODY}
    assert record.usage == Usage(20, 0, 0)
    assert not record.answer
    said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Rain."}}
    rows.append({"spanId": "eee19b7ec3c1b174", "eventName": "gen_ai.choice", "body": any_value(said)})
    (record,) = records(tmp_path, b"".join(json_lines(logged(row)) for row in rows) + json_lines(traces(span(old))))
    assert len(record.answer) == 16
    events = [{"name": name, "attributes": attributes(body)} for name, body in OLD_MESSAGES]
    assert one(tmp_path, traces(span(old, events=events))).body == record.body
    lost = unread(tmp_path, json_lines(logged(*rows)))
    assert lost.why.startswith("those of 1 calls: messages belong to spans that are not in the file")


def test_openllmetry(tmp_path: Path) -> None:
    said = {
        "gen_ai.system": "Anthropic",
        "llm.request.type": "chat",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "Be kind.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "Hello",
        "gen_ai.completion.0.content": "Hi",
        "llm.request.functions.0.name": "look",
        "llm.request.functions.0.parameters": '{"type": "object"}',
        "gen_ai.usage.prompt_tokens": 3512,
        "gen_ai.usage.completion_tokens": 7,
        "llm.usage.total_tokens": 3519,
        "gen_ai.usage.cache_read_input_tokens": 3000,
        "gen_ai.usage.cache_creation_input_tokens": 500,
    }
    record = one(tmp_path, traces(span(said)))
    assert record.body is not None
    assert record.body["messages"] == CHAT["messages"]
    assert record.body["tools"] == [
        {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    ]
    assert (record.usage, record.line.provider) == (Usage(12, 3000, 7, 500), "anthropic")
    assert len(record.answer) == 16


def test_openinference(tmp_path: Path) -> None:
    said = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-5.1",
        "llm.provider": "openai",
        "llm.token_count.prompt": 2000,
        "llm.token_count.completion": 10,
        "llm.token_count.prompt_details.cache_read": 1536,
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": "Be kind.",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.contents.0.message_content.type": "text",
        "llm.input_messages.1.message.contents.0.message_content.text": "Hello",
        "llm.tools.0.tool.json_schema": json.dumps(BODY["tools"][0]),
        "session.id": "s1",
    }
    record = one(tmp_path, traces(span(said)))
    messages = [CHAT["messages"][0], {"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
    assert record.body == {"model": "gpt-5.1", "tools": BODY["tools"], "messages": messages}
    assert (record.usage, record.line.session) == (Usage(464, 1536, 10), "s1")
    whole = one(
        tmp_path, traces(span({**said, "input.value": json.dumps(CHAT), "input.mime_type": "application/json"}))
    )
    assert whole.body == CHAT
    lost = {"openinference.span.kind": "LLM", "llm.system": "openai", "input.value": json.dumps(CHAT)}
    failed = one(tmp_path, traces(span(lost, status={"code": "STATUS_CODE_ERROR"})))
    assert (failed.line.model, failed.body, failed.failed) == (CHAT["model"], CHAT, True), "it names no model itself"


def test_vercels_ai_sdk(tmp_path: Path) -> None:
    """The span around its calls repeats their tokens, under other names: it is none."""
    told = {"ai.usage.inputTokens": 2000, "ai.usage.outputTokens": 10, "ai.usage.cachedInputTokens": 1536}
    said = {
        "ai.operationId": "ai.streamText.doStream",
        "gen_ai.system": "openai.chat",
        **told,
        "gen_ai.request.model": "gpt-5",
        "gen_ai.usage.input_tokens": 2000,
        "gen_ai.usage.output_tokens": 10,
        "ai.prompt.messages": '[{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]',
        "ai.prompt.tools": ['{"type": "function", "name": "look", "inputSchema": {"type": "object"}}'],
    }
    around = span({"ai.operationId": "ai.streamText", "ai.model.id": "gpt-5", **told})
    record = one(tmp_path, traces(around, span(said)))
    assert record.usage == Usage(464, 1536, 10)
    assert record.line.provider == "openai"
    assert record.body == {
        "model": "gpt-5",
        "tools": [{"type": "function", "function": {"name": "look", "inputSchema": {"type": "object"}}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
    }


def test_langfuse(tmp_path: Path) -> None:
    """Its SDK writes spans, too: each generation has what its exports have, as text."""
    said = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": "claude-sonnet-4-5",
        "langfuse.observation.model.parameters": '{"temperature": 0}',
        "langfuse.observation.input": '[{"role": "user", "content": "Hi"}]',
        "langfuse.observation.output": '{"role": "assistant", "content": "Yes."}',
        "langfuse.observation.usage_details": '{"input": 9, "output": 4, "cache_read_input_tokens": 4000}',
        "langfuse.observation.completion_start_time": '"2025-10-09T08:53:21.500000Z"',
        "session.id": "s1",
    }
    record = one(tmp_path, traces(span(said)))
    assert (record.at, record.began) == (AT, AT + 1)
    assert record.body == {
        "model": "claude-sonnet-4-5",
        "temperature": 0,
        "messages": [{"role": "user", "content": "Hi"}],
    }
    assert record.usage == Usage(9, 4000, 4)
    assert (record.line.provider, record.line.session) == ("anthropic", "s1")
    for others in ({"langfuse.observation.type": "tool"}, {"langfuse.observation.type": "span"}):
        assert "none is a call" in unread(tmp_path, json_lines(traces(span({**said, **others})))).why
    bare = {name: value for name, value in said.items() if "usage" not in name and "input" not in name}
    assert (record := one(tmp_path, traces(span(bare)))).usage is None
    assert record.body is None


def test_a_span_as_an_sdk_prints_it(tmp_path: Path) -> None:
    printed = {
        "name": "chat gpt-5.1",
        "context": {"trace_id": "0x5b8e", "span_id": "0xeee1", "trace_state": "[]"},
        "start_time": "2025-10-09T08:53:20.500000Z",
        "end_time": "2025-10-09T08:53:22.500000Z",
        "status": {"status_code": "ERROR"},
        "attributes": NOW | {name: json.dumps(value) for name, value in SAID.items()},
    }
    record = one(tmp_path, printed, otel.FORMAT)
    assert (record.body, record.at, record.ended, record.failed) == (BODY, AT, AT + 2, True)


def test_spans_that_are_no_calls(tmp_path: Path) -> None:
    agent = {**NOW, "gen_ai.operation.name": "invoke_agent"}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"}
    only = unread(tmp_path, json_lines(traces(span(agent), span(tool), span({"http.method": "GET"}))))
    assert only.why == "of 3 spans none is a call of a model"
    assert len(records(tmp_path, json_lines(traces(span(agent), span(NOW))))) == 1
    _, empty = found(tmp_path, json_lines(traces(span(NOW)), {"resourceMetrics": []}))
    assert isinstance(empty, Unread)
    assert empty.why == "it holds no spans and no log records"
    assert one(tmp_path, traces(span(NOW, status={"code": 2}))).failed
