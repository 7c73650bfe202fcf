"""Logs of request bodies: bare, wrapped, with answers, with whatever a log keeps beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from everwarm.analyze.formats import bodies
from everwarm.analyze.reading.record import Record
from everwarm.core.analysis.call import Line, Place
from everwarm.core.usage import Usage
from logged import CHAT, CHAT_ANSWER, CLAUDE, CLAUDE_ANSWER, found, json_lines, one, records, unread

CHAT_USAGE = Usage(uncached=464, cache_read=1536, output=10, reasoning=4)
CLAUDE_USAGE = Usage(uncached=12, cache_read=3000, output=7, cache_write=300, cache_write_long=200)

RESPONSES = {"model": "gpt-5.1", "instructions": "Be kind.", "input": "Hello"}
RESPONSES_GOING_ON = {"model": "gpt-5.1", "instructions": "Be kind.", "previous_response_id": "resp_0123456789"}
RESPONSES_ANSWER = {
    "id": "resp_0123456789",
    "object": "response",
    "created_at": 1_760_000_000,
    "model": "gpt-5.1",
    "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}],
    "usage": {
        "input_tokens": 2000,
        "input_tokens_details": {"cached_tokens": 1536},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 2010,
    },
}
COMPLETION = {"model": "gpt-3.5-turbo-instruct", "prompt": "Once"}

CHAT_STREAM = [
    {"id": "chatcmpl-0123456789", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "H"}}]},
    {"id": "chatcmpl-0123456789", "choices": [{"index": 0, "delta": {"content": "i"}}]},
    {"id": "chatcmpl-0123456789", "choices": [], "usage": CHAT_ANSWER["usage"]},
]
CLAUDE_STREAM = [
    {"type": "message_start", "message": {**CLAUDE_ANSWER, "content": [], "usage": {
        **CLAUDE_ANSWER["usage"], "output_tokens": 1}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
]  # fmt: skip
RESPONSES_STREAM = [
    {"type": "response.created", "response": {"id": "resp_0123456789", "output": [], "usage": None}},
    {"type": "response.output_text.delta", "delta": "Hi"},
    {"type": "response.completed", "response": RESPONSES_ANSWER},
]


def sse(events: list[dict[str, Any]], named: bool) -> str:
    lines = (
        f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" if named else f"data: {json.dumps(e)}\n\n" for e in events
    )
    return "".join(lines) + ("" if named else "data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("body", "dialect"),
    [
        (CHAT, "openai_chat"),
        (CLAUDE, "anthropic_messages"),
        (RESPONSES, "openai_responses"),
        (RESPONSES_GOING_ON, "openai_responses"),
        (COMPLETION, "openai_completions"),
    ],
    ids=["chat", "messages", "responses", "responses without input", "completions"],
)
def test_a_bare_body(body: dict[str, Any], dialect: str, tmp_path: Path) -> None:
    record = one(tmp_path, body, bodies.FORMAT)
    assert (record.dialect, record.body, record.failed, record.usage) == (dialect, body, False, None)
    assert record.place == Place(str(tmp_path / "calls.jsonl"), 1)


@pytest.mark.parametrize("holder", ["request", "body", "request_body", "requestBody", "payload"])
@pytest.mark.parametrize("written", [lambda body: body, json.dumps], ids=["as an object", "as a text"])
def test_a_body_that_is_wrapped(holder: str, written: Any, tmp_path: Path) -> None:
    assert one(tmp_path, {"ts": 1_760_000_000, holder: written(CLAUDE)}).body == CLAUDE


def test_a_body_that_is_wrapped_several_times(tmp_path: Path) -> None:
    deep = {"body": {"payload": {"request": CHAT, "session": "inner"}, "session": "outer"}}
    record = one(tmp_path, deep)
    assert (record.body, record.line.session) == (CHAT, "outer")
    assert unread(tmp_path, json_lines({"data": deep})).why.startswith("it is JSON, but no request")


def test_a_body_as_input_is_an_object(tmp_path: Path) -> None:
    assert one(tmp_path, {"ts": 1_760_000_000, "input": CLAUDE}).body == CLAUDE
    text = {"model": "gpt-5.1", "input": json.dumps(CLAUDE)}
    assert one(tmp_path, text).body == text, "what the user of Responses wrote, whatever it looks like"


def test_requests_and_answers_of_a_batch(tmp_path: Path) -> None:
    asked = {"custom_id": "request-1", "method": "POST", "url": "/v1/chat/completions", "body": CHAT}
    record = one(tmp_path, asked)
    assert (record.body, record.id) == (CHAT, ""), "the name within a batch is no id"
    answered = {"id": "batch_req_1", "custom_id": "request-1", "error": None,
                "response": {"status_code": 200, "request_id": "req_123", "body": CHAT_ANSWER}}  # fmt: skip
    record = one(tmp_path, answered)
    assert (record.body, record.usage, record.id) == (None, CHAT_USAGE, "chatcmpl-0123456789")


@pytest.mark.parametrize(
    ("body", "answer", "usage"),
    [
        (CHAT, CHAT_ANSWER, CHAT_USAGE),
        (CLAUDE, CLAUDE_ANSWER, CLAUDE_USAGE),
        (RESPONSES, RESPONSES_ANSWER, CHAT_USAGE),
        (CHAT, sse(CHAT_STREAM, named=False), CHAT_USAGE),
        (CHAT, CHAT_STREAM, CHAT_USAGE),
        (CLAUDE, sse(CLAUDE_STREAM, named=True), CLAUDE_USAGE),
        (RESPONSES, sse(RESPONSES_STREAM, named=True), CHAT_USAGE),
        (CLAUDE, json.dumps(CLAUDE_ANSWER), CLAUDE_USAGE),
    ],
    ids=["chat", "messages", "responses", "chat, streamed", "chat, chunks", "messages, streamed",
         "responses, streamed", "as a text"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["response", "response_body", "output", "completion"])
def test_the_answer(body: dict[str, Any], answer: Any, usage: Usage, name: str, tmp_path: Path) -> None:
    record = one(tmp_path, {"request": body, name: answer})
    assert record.usage == usage
    assert record.id == (answer["id"] if isinstance(answer, dict) else record.id)
    assert record.id.endswith("_0123456789") or record.id == "chatcmpl-0123456789"
    assert len(record.answer) == 16
    assert not record.failed


def test_answers_that_say_the_same_are_the_same(tmp_path: Path) -> None:
    calls = [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]

    def answered(said: dict[str, Any], **members: Any) -> bytes:
        choices = [{"index": 0, "message": {"role": "assistant", **said}, "finish_reason": "stop"}]
        return one(tmp_path, {"request": CHAT, "response": {**CHAT_ANSWER, "choices": choices, **members}}).answer

    assert answered({"content": "Hi"}) == answered({"content": "Hi"}, id="chatcmpl-other", created=1_770_000_000)
    assert answered({"content": "Hi"}) != answered({"content": "Hello"})
    assert answered({"tool_calls": calls}) == answered({"tool_calls": [{**calls[0], "id": "call_2"}]})
    other = [{**calls[0], "function": {"name": "f", "arguments": "{1}"}}]
    assert answered({"tool_calls": calls}) != answered({"tool_calls": other})


def test_counts_beside_the_body(tmp_path: Path) -> None:
    assert one(tmp_path, {**CHAT, "usage": CHAT_ANSWER["usage"]}).usage == CHAT_USAGE
    flat = {**CHAT, "prompt_tokens": 2000, "completion_tokens": 10, "cached_tokens": 1536}
    record = one(tmp_path, flat)
    assert record.usage == CHAT_USAGE._replace(reasoning=0)
    assert record.body == CHAT, "what a log wrote into a body is none of it"


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"input_tokens": 5, "output_tokens": 2}, Usage(5, 0, 2)),
        ({"promptTokenCount": 100, "cachedContentTokenCount": 60, "candidatesTokenCount": 5, "thoughtsTokenCount": 3},
         Usage(40, 60, 8, reasoning=3)),
        ({"inputTokens": 10, "outputTokens": 2, "cacheReadInputTokens": 90, "cacheWriteInputTokens": 5},
         Usage(10, 90, 2, 5)),
        ({"prompt_tokens": 31, "completion_tokens": 467, "total_tokens": 498, "cache_creation_input_tokens": 1253,
          "cache_read_input_tokens": 0}, Usage(31, 0, 467, 1253)),
        ({"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36, "prompt_tokens": 100, "completion_tokens": 1},
         Usage(36, 64, 1)),
    ],
    ids=["no cache", "Gemini", "Bedrock", "a gateway that leaves out what was cached", "DeepSeek"],
)  # fmt: skip
def test_counts_of_others(counts: dict[str, int], usage: Usage, tmp_path: Path) -> None:
    assert one(tmp_path, {"request": CHAT, "usage": counts}).usage == usage


TIME = 1_760_000_000.25


@pytest.mark.parametrize(
    "times",
    [
        {"ts": TIME},
        {"timestamp": "2025-10-09T08:53:20.250Z"},
        {"time": "2025-10-09T10:53:20.250+02:00"},
        {"created_at": "2025-10-09 08:53:20.250"},
        {"startTime": 1_760_000_000_250},
        {"@timestamp": 1_760_000_000_250_000},
        {"start_time": 1_760_000_000_250_000_000},
        {"ts": str(TIME)},
        {"start_time": TIME, "created_at": "2030-01-01T00:00:00Z"},
        {"end_time": TIME + 1.5, "duration_ms": 1500},
        {"metadata": {"timestamp": TIME}},
        {"request": {"timestamp": TIME, "body": CHAT}},
    ],
    ids=lambda times: next(iter(times)),
)
def test_times(times: dict[str, Any], tmp_path: Path) -> None:
    assert one(tmp_path, {"request": CHAT, **times}).at == pytest.approx(TIME, abs=1e-6)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({"duration_ms": 2500}, 2.5),
        ({"duration": 2.5}, 2.5),
        ({"latency": 2500}, 2.5),
        ({"latency": 250}, 0.25),
        ({"elapsed": 2500.5}, 2.5005),
        ({"latency_s": 2500}, 2500),
        ({"responseTimeMs": "2500"}, 2.5),
        ({"end_time": TIME + 2.5}, 2.5),
    ],
    ids=lambda told: next(iter(told)) if isinstance(told, dict) else "",
)
def test_durations(told: dict[str, Any], seconds: float, tmp_path: Path) -> None:
    record = one(tmp_path, {"request": CHAT, "ts": TIME, "ttft_ms": 400, **told})
    assert record.ended == pytest.approx(TIME + seconds, abs=1e-6)
    assert record.began == pytest.approx(TIME + 0.4, abs=1e-6)


@pytest.mark.parametrize(
    ("told", "began", "ended"),
    [
        ({}, None, None),
        ({"duration_ms": 2500}, None, TIME + 2.5),
        ({"latency_s": 2.5}, None, TIME + 2.5),
        ({"duration": 2.5}, None, TIME + 2.5),
        ({"end_time": TIME + 2.5}, None, TIME + 2.5),
        ({"ttft_ms": 500}, TIME + 0.5, None),
        ({"ttft": 0.5}, TIME + 0.5, None),
        ({"first_token_at": TIME + 0.5}, TIME + 0.5, None),
    ],
    ids=lambda told: next(iter(told), "nothing") if isinstance(told, dict) else "",
)
def test_one_time_beside_that_of_sending(
    told: dict[str, Any], began: float | None, ended: float | None, tmp_path: Path
) -> None:
    record = one(tmp_path, {"request": CHAT, "ts": TIME, **told})
    assert (record.at, record.began, record.ended) == (TIME, began, ended)


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({}, Line("openai", "gpt-5.1")),
        ({"model": "another"}, Line("openai", "gpt-5.1")),
        ({"url": "https://us.openai.azure.com/x"}, Line("openai", "gpt-5.1")),
        ({"provider": "hosted_vllm"}, Line("vllm", "gpt-5.1")),
        ({"tenant": "acme"}, Line("openai", "gpt-5.1", "acme")),
        ({"app": "support"}, Line("openai", "gpt-5.1", "", "support")),
        ({"session": "s1"}, Line("openai", "gpt-5.1", session="s1")),
        ({"user": "u1"}, Line("openai", "gpt-5.1", session="u1")),
    ],
    ids=lambda told: next(iter(told), "nothing") if isinstance(told, dict) else "",
)
def test_one_thing_that_is_told_of_who_asked(told: dict[str, Any], line: Line, tmp_path: Path) -> None:
    assert one(tmp_path, {"request": CHAT, **told}).line == line


def test_what_belongs_together(tmp_path: Path) -> None:
    told = {"tenant_id": "acme", "session_id": "s1", "app": "support", "user_id": "u1", "request_id": "req_0123456789"}
    record = one(tmp_path, {**told, "request": CLAUDE})
    assert record.line == Line("anthropic", "claude-sonnet-4-5", "acme", "support", "s1")
    assert record.id == "req_0123456789"
    assert one(tmp_path, {"user_id": "u1", "request": CLAUDE}).line.session == "u1"
    agent = {**CLAUDE, "metadata": {"user_id": "user_abc_account__session_0198-55"}}
    assert one(tmp_path, agent).line.session == "0198-55"
    assert one(tmp_path, {"request": agent}).line.session == "0198-55"
    azure = {"request": {**CHAT, "model": "ours"}, "url": "https://us.openai.azure.com/x", "id": "row 7"}
    assert one(tmp_path, azure).line.provider == "openai"
    assert one(tmp_path, azure).id == "", "the number of a row is no id of a call"


def test_a_key_is_never_kept(tmp_path: Path) -> None:
    record = one(tmp_path, {"request": CHAT, "api_key": "sk-secret"})
    assert record.line.space.startswith("key ")
    assert "secret" not in repr(record)


@pytest.mark.parametrize(
    "told",
    [
        {"status": 529},
        {"status_code": "500"},
        {"status": "error"},
        {"error": {"message": "overloaded"}},
        {"response": {"type": "error", "error": {"type": "overloaded_error"}}},
        {"response": {"status_code": 429, "body": {"error": {"message": "slow down"}}}},
        {"response": 'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error"}}\n\n'},
        {"response": None},
    ],
    ids=[
        "a status",
        "a status as a text",
        "a word",
        "an error",
        "an error as answer",
        "a status within",
        "an error in a stream",
        "no answer",
    ],
)
def test_calls_that_failed(told: dict[str, Any], tmp_path: Path) -> None:
    record = one(tmp_path, {"request": CLAUDE, **told})
    assert record.failed
    assert record.answer == b""


@pytest.mark.parametrize(
    "told",
    [{"status": 200}, {"status": "success"}, {"error": None}, {"error": ""}, {"status": "200", "response": None}],
    ids=str,
)
def test_calls_that_did_not(told: dict[str, Any], tmp_path: Path) -> None:
    assert not one(tmp_path, {"request": CLAUDE, **told}).failed


@pytest.mark.parametrize(
    "data",
    [
        json.dumps([CHAT, CLAUDE]).encode(),
        json.dumps([CHAT, CLAUDE], indent=2).encode(),
        json.dumps({"data": [CHAT, CLAUDE]}, indent=2).encode(),
        json.dumps({"total": 2, "requests": [CHAT, CLAUDE]}).encode(),
        b"[\n" + json.dumps(CHAT).encode() + b",\n" + json.dumps(CLAUDE).encode() + b"\n]\n",
    ],
    ids=["a line", "indented", "within an object", "within an object on a line", "a line each"],
)
def test_a_file_that_is_one_value(data: bytes, tmp_path: Path) -> None:
    got = records(tmp_path, data, "calls.json")
    assert [(each.place.line, each.body) for each in got] == [(1, CHAT), (2, CLAUDE)]
    (single,) = records(tmp_path, json.dumps(CHAT, indent=4).encode(), "call.json")
    assert single.body == CHAT


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"messages": [', "it is no JSON: "),
        (b"2026-01-01 INFO started", "it is no JSON: "),
        (b"[1, 2]", "it is JSON, but no object"),
        (b'{"level": "info"}', "it is JSON, but no request"),
        (b'{"request": "GET /"}', "it is JSON, but no request"),
        (b'{"request": {"request": {"request": {"request": {"request": {}}}}}}', "it is JSON, but no request"),
    ],
    ids=["cut off", "text", "an array", "another event", "another request", "nested"],
)
def test_lines_that_are_no_calls_are_told(line: bytes, why: str, tmp_path: Path) -> None:
    first, second, third = found(tmp_path, json_lines(CHAT, line, CLAUDE))
    assert isinstance(first, Record)
    assert isinstance(third, Record)
    assert not isinstance(second, Record)
    assert second.why.startswith(why)
    assert second.place.line == 2
    assert second.sample.replace(" ", "") == line.decode().replace(" ", "")


def test_what_a_program_prints_before_its_log(tmp_path: Path) -> None:
    first, second = found(tmp_path, json_lines(b"Listening on port 8080, ready,", CHAT))
    assert not isinstance(first, Record)
    assert first.why.startswith("it is no JSON")
    assert isinstance(second, Record)


def test_half_a_character_is_mended(tmp_path: Path) -> None:
    line = json.dumps({**CHAT, "user": "cut"}).replace("cut", "\\ud83d").encode()
    first, _ = records(tmp_path, json_lines(line, CHAT))
    assert first.body is not None
    assert first.body["user"] == "\N{REPLACEMENT CHARACTER}"


def test_a_list_with_nothing_in_it(tmp_path: Path) -> None:
    assert unread(tmp_path, b"[]").why == "it is a list with nothing in it"
