"""Logs of other programs: small ones, with the members that the real ones have."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from everwarm.analyze.formats import har, helicone, langfuse, litellm
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.analysis.call import Line
from everwarm.core.usage import Usage
from logged import CHAT, CHAT_ANSWER, CLAUDE, CLAUDE_ANSWER, found, json_lines, one, records, unread

CHAT_USAGE = Usage(uncached=464, cache_read=1536, output=10, reasoning=4)
AT = 1_760_000_000.5
WRITTEN = "2025-10-09T08:53:20.500Z"
LATER = "2025-10-09T08:53:22.500Z"

# --- LiteLLM ---

SPEND: dict[str, Any] = {
    "request_id": "chatcmpl-0123456789",
    "call_type": "acompletion",
    "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "spend": 0.0021,
    "total_tokens": 2010,
    "prompt_tokens": 2000,
    "completion_tokens": 10,
    "startTime": WRITTEN,
    "endTime": LATER,
    "completionStartTime": "2025-10-09T08:53:21.500Z",
    "model": "gpt-5.1",
    "model_id": "4f1c",
    "model_group": "smart",
    "custom_llm_provider": "openai",
    "api_base": "https://api.openai.com",
    "user": "default_user_id",
    "metadata": {
        "user_api_key_alias": "support",
        "status": "success",
        "additional_usage_values": {"prompt_tokens_details": {"cached_tokens": 1536}},
        "usage_object": {"completion_tokens_details": {"reasoning_tokens": 4}},
    },
    "cache_hit": "False",
    "cache_key": "Cache OFF",
    "request_tags": [],
    "team_id": "t1",
    "end_user": "",
    "messages": {},
    "response": {},
    "session_id": "0198",
    "status": "success",
    "proxy_server_request": {},
}


def test_a_row_of_litellm_without_messages(tmp_path: Path) -> None:
    record = one(tmp_path, SPEND, litellm.FORMAT)
    assert record.line == Line("openai", "gpt-5.1", "", "support", "0198"), "its keys share the provider's cache"
    assert (record.at, record.began, record.ended) == (AT, AT + 1, AT + 2)
    assert (record.body, record.usage, record.failed, record.id) == (None, CHAT_USAGE, False, "chatcmpl-0123456789")


@pytest.mark.parametrize("kept", ["messages", "proxy_server_request", "as text"])
def test_a_row_of_litellm_with_messages(kept: str, tmp_path: Path) -> None:
    row = {**SPEND, "response": CHAT_ANSWER}
    if kept == "proxy_server_request":
        row["proxy_server_request"] = {**CHAT, "model": "smart"}
    else:
        row["messages"] = CHAT["messages"]
    if kept == "as text":
        row |= {name: json.dumps(row[name]) for name in ("messages", "response", "metadata")}
    record = one(tmp_path, row, litellm.FORMAT)
    assert record.body is not None
    assert (record.body["model"], record.body["messages"]) == ("gpt-5.1", CHAT["messages"])
    assert (record.dialect, record.usage, len(record.answer)) == ("openai_chat", CHAT_USAGE, 16)


def test_the_table_of_litellm_as_csv(tmp_path: Path) -> None:
    row = {**SPEND, "messages": CHAT["messages"]}
    text = io.StringIO()
    writer = csv.DictWriter(text, list(row))
    writer.writeheader()
    writer.writerow({k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in row.items()})
    text.write("half,a row\n")
    record, short = found(tmp_path, text.getvalue().encode(), "spend.csv", litellm.FORMAT)
    assert isinstance(record, Record)
    assert (record.usage, record.at, record.line.app) == (CHAT_USAGE, AT, "support")
    assert record.body == {"model": "gpt-5.1", "messages": CHAT["messages"]}
    assert isinstance(short, Unread)
    assert short.why == f"it has 2 fields, and the table {len(row)} columns"


@pytest.mark.parametrize("total", [None, 3519, 19], ids=["no total", "a whole total", "a total of new ones"])
def test_litellm_versions_that_leave_out_what_was_cached(total: int | None, tmp_path: Path) -> None:
    values = {"cache_read_input_tokens": 3000, "cache_creation_input_tokens": 500}
    row = {**SPEND, "model": "anthropic/claude-sonnet-4-5", "custom_llm_provider": "anthropic", "prompt_tokens": 12,
           "completion_tokens": 7, "total_tokens": total, "metadata": {"additional_usage_values": values}}  # fmt: skip
    assert one(tmp_path, row).usage == Usage(12, 3000, 7, 500)
    assert one(tmp_path, {**row, "prompt_tokens": 3512}).usage == Usage(12, 3000, 7, 500)


def test_what_callbacks_of_litellm_log(tmp_path: Path) -> None:
    payload = {
        "id": "chatcmpl-0123456789", "trace_id": "t9", "call_type": "acompletion", "status": "success",
        "custom_llm_provider": "openai", "total_tokens": 2010, "prompt_tokens": 2000, "completion_tokens": 10,
        "startTime": AT, "endTime": AT + 2, "completionStartTime": AT + 1, "response_time": 1.0, "model": "gpt-5.1",
        "model_group": "smart", "api_base": "https://api.openai.com", "cache_hit": None, "request_tags": [],
        "metadata": {"user_api_key_alias": "support", "usage_object": CHAT_ANSWER["usage"]},
        "messages": CHAT["messages"], "model_parameters": {"temperature": 0, "tools": []}, "response": CHAT_ANSWER,
    }  # fmt: skip
    for value in (payload, {"standard_logging_object": payload, "litellm_call_id": "1"}):
        record = one(tmp_path, value, litellm.FORMAT)
        assert record.body == {**CHAT, "temperature": 0, "tools": []}
        assert (record.usage, record.at, record.began, record.ended) == (CHAT_USAGE, AT, AT + 1, AT + 2)
        assert record.line.session == "t9"


def test_where_litellm_tells_what_was_cached(tmp_path: Path) -> None:
    """By its version in the answer only, in the metadata, or there twice, once without."""
    row = {"id": CHAT_ANSWER["id"], "call_type": "completion", "custom_llm_provider": "openai", "cache_hit": None}
    row |= {"startTime": 1_760_000_000.0, "prompt_tokens": 2000, "completion_tokens": 10, "response": CHAT_ANSWER}
    unsaid = {"prompt_tokens_details": None}
    for metadata in (
        {},
        {"usage_object": {**CHAT_ANSWER["usage"], **unsaid}, "additional_usage_values": unsaid},
        {"usage_object": CHAT_ANSWER["usage"], "additional_usage_values": unsaid},
    ):
        record = one(tmp_path, {**row, "metadata": json.dumps(metadata)}, litellm.FORMAT)
        assert record.usage == CHAT_USAGE


def test_a_stream_that_litellm_counted_by_itself(tmp_path: Path) -> None:
    """Its provider told nothing, and so nothing of what was read; without a prompt these counts are all there is."""
    usage = {"prompt_tokens": 2000, "completion_tokens": 10, "prompt_tokens_details": None}
    usage["completion_tokens_details"] = {"reasoning_tokens": 0, "text_tokens": 10, "image_tokens": None}
    row = {**SPEND, "metadata": {"usage_object": usage}, "response": {**CHAT_ANSWER, "usage": usage}}
    assert one(tmp_path, {**row, "messages": CHAT["messages"]}).usage is None
    assert one(tmp_path, row).usage == Usage(2000, 0, 10)
    usage["cache_read_input_tokens"] = 0
    assert one(tmp_path, {**row, "messages": CHAT["messages"]}).usage == Usage(2000, 0, 10), "Anthropic told that"


def test_calls_of_litellm_that_asked_nobody_or_failed(tmp_path: Path) -> None:
    hit = one(tmp_path, {**SPEND, "cache_hit": "True"})
    assert (hit.usage, hit.failed) == (None, False)
    failed = {**SPEND, "status": None, "metadata": {"status": "failure"}, "total_tokens": 0, "prompt_tokens": 0}
    assert one(tmp_path, failed).failed
    assert unread(tmp_path, json_lines({k: v for k, v in SPEND.items() if "tokens" not in k})).why == (
        "it has neither messages nor tokens"
    )


# --- Langfuse ---

OBSERVATION: dict[str, Any] = {
    "id": "f6c1ab11-obs",
    "traceId": "trace-1",
    "type": "GENERATION",
    "name": "answer",
    "startTime": WRITTEN,
    "endTime": LATER,
    "completionStartTime": "2025-10-09T08:53:21.500Z",
    "model": "gpt-5.1",
    "modelParameters": {"temperature": 0},
    "input": CHAT["messages"],
    "output": {"role": "assistant", "content": "Hi"},
    "level": "DEFAULT",
    "statusMessage": None,
    "usageDetails": {
        "input": 464, "input_cached_tokens": 1536, "output": 6, "output_reasoning_tokens": 4, "total": 2010,
    },
    "projectId": "p1",
    "latency": 2.0,
    "timeToFirstToken": 1.0,
}  # fmt: skip


def test_a_generation_of_langfuse(tmp_path: Path) -> None:
    record = one(tmp_path, OBSERVATION, langfuse.FORMAT)
    assert record.body == {"temperature": 0, **CHAT}
    assert record.usage == CHAT_USAGE
    assert (record.at, record.began, record.ended) == (AT, AT + 1, AT + 2)
    assert record.line == Line("openai", "gpt-5.1", "", "p1", "trace-1")
    assert (record.failed, record.id, len(record.answer)) == (False, "f6c1ab11-obs", 16)


def test_the_forms_of_langfuse(tmp_path: Path) -> None:
    plain = one(tmp_path, OBSERVATION)
    snake = {
        "id": "f6c1ab11-obs", "trace_id": "trace-1", "type": "GENERATION", "start_time": WRITTEN, "end_time": LATER,
        "completion_start_time": "2025-10-09 08:53:21.500", "provided_model_name": "gpt-5.1", "project_id": "p1",
        "model_parameters": json.dumps({"temperature": 0}), "input": json.dumps(CHAT["messages"]),
        "output": json.dumps(OBSERVATION["output"]), "usage_details": json.dumps(OBSERVATION["usageDetails"]),
    }  # fmt: skip
    assert one(tmp_path, snake, langfuse.FORMAT) == plain
    exported = json.dumps({"data": [OBSERVATION], "meta": {"page": 1}}, indent=2).encode()
    assert records(tmp_path, exported, "calls.jsonl", langfuse.FORMAT) == [plain]
    with_tools = {**OBSERVATION, "input": {"messages": CHAT["messages"], "tools": []}}
    assert one(tmp_path, with_tools).body == {"temperature": 0, **CHAT, "tools": []}


@pytest.mark.parametrize(
    ("details", "usage"),
    [
        ({"input": 12, "cache_read_input_tokens": 3000, "cache_creation_input_tokens": 500, "output": 7},
         Usage(12, 3000, 7, 500)),
        ({"input": 2000, "input_cached_tokens": 1536, "output": 10, "total": 2010}, Usage(464, 1536, 10)),
        ({"input": 17903, "input_cached_tokens": 17817, "output": 10, "total": 35730}, Usage(17903, 17817, 10)),
        ({"prompt_tokens": 2000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 1536}},
         Usage(464, 1536, 10)),
        ({"input": 5, "input_cache_creation_5m": 3, "input_cache_creation_1h": 2, "output": 1},
         Usage(5, 0, 1, 3, 0, 2)),
    ],
    ids=["apart", "the total says that the input holds it", "the total says that it does not", "as OpenAI",
         "two lifetimes"],
)  # fmt: skip
def test_buckets_of_langfuse(details: dict[str, Any], usage: Usage, tmp_path: Path) -> None:
    assert one(tmp_path, {**OBSERVATION, "usageDetails": details}).usage == usage


def test_older_counts_of_langfuse(tmp_path: Path) -> None:
    old = {**OBSERVATION, "usageDetails": {}, "usage": {"input": 20, "output": 5, "total": 25, "unit": "TOKENS"}}
    assert one(tmp_path, old).usage == Usage(20, 0, 5)


def test_what_langfuse_has_besides_generations(tmp_path: Path) -> None:
    failed = one(tmp_path, {**OBSERVATION, "level": "ERROR", "statusMessage": "overloaded", "output": None})
    assert failed.failed
    assert unread(tmp_path, json_lines({**OBSERVATION, "type": "SPAN"})).why == "it is no generation, but 'SPAN'"


# --- Helicone ---

ROW: dict[str, Any] = {
    "response_id": "r-0123456789",
    "response_created_at": LATER,
    "response_body": CLAUDE_ANSWER,
    "response_status": 200,
    "response_model": "claude-sonnet-4-5-20250929",
    "request_id": "q-0123456789",
    "request_created_at": WRITTEN,
    "request_body": CLAUDE,
    "request_path": "https://api.anthropic.com/v1/messages",
    "request_user_id": "u1",
    "request_properties": {"Helicone-Session-Id": "s1", "app": "support"},
    "request_model": "claude-sonnet-4-5",
    "helicone_user": "h1",
    "provider": "ANTHROPIC",
    "delay_ms": 2000,
    "time_to_first_token": 1000,
    "total_tokens": 3519,
    "prompt_tokens": 12,
    "prompt_cache_write_tokens": 500,
    "prompt_cache_read_tokens": 3000,
    "completion_tokens": 7,
}


def test_a_row_of_helicone(tmp_path: Path) -> None:
    record = one(tmp_path, ROW, helicone.FORMAT)
    assert (record.body, record.usage) == (CLAUDE, Usage(12, 3000, 7, 300, 0, 200))
    assert (record.at, record.began, record.ended) == (AT, AT + 1, AT + 2)
    assert record.line == Line("anthropic", "claude-sonnet-4-5", "", "support", "s1")
    assert not record.failed


def test_a_row_of_helicone_without_bodies(tmp_path: Path) -> None:
    bare = {k: v for k, v in ROW.items() if not k.endswith("_body")}
    assert one(tmp_path, bare).usage == Usage(12, 3000, 7, 500)
    assert one(tmp_path, {**bare, "prompt_tokens": 3512}).usage == Usage(12, 3000, 7, 500)
    assert one(tmp_path, {**bare, "response_status": 529}).failed
    none = {k: v for k, v in bare.items() if "tokens" not in k}
    assert unread(tmp_path, json_lines(none)).why.startswith("it has neither a body nor tokens")


# --- HAR ---


def entry(body: Any, content: dict[str, Any], status: int = 200) -> dict[str, Any]:
    posted = {"mimeType": "application/json", "text": body if isinstance(body, str) else json.dumps(body)}
    url = "https://api.anthropic.com/v1/messages"
    return {
        "startedDateTime": "2025-10-09T10:53:20.500+02:00",
        "time": 2000,
        "request": {"method": "POST", "url": url, "headers": [], "postData": posted},
        "response": {"status": status, "headers": [], "content": content},
        "timings": {"blocked": -1, "dns": 100, "connect": 200, "ssl": 150, "send": 0, "wait": 700, "receive": 1000},
    }


def archive(*entries: dict[str, Any]) -> bytes:
    log = {"version": "1.2", "creator": {"name": "Firefox", "version": "140"}, "pages": [], "entries": list(entries)}
    return json.dumps({"log": log}, indent=2).encode()


STREAM = (
    f"event: message_start\ndata: {json.dumps({'type': 'message_start', 'message': CLAUDE_ANSWER})}\n\n"
    'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}\n\n'
    'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


@pytest.mark.parametrize(
    "content",
    [
        {"mimeType": "application/json", "text": json.dumps(CLAUDE_ANSWER)},
        {"mimeType": "text/event-stream", "text": STREAM},
        {"mimeType": "text/event-stream", "encoding": "base64", "text": base64.b64encode(STREAM.encode()).decode()},
    ],
    ids=["JSON", "a stream", "base64"],
)
def test_an_archive_of_http(content: dict[str, Any], tmp_path: Path) -> None:
    (record,) = records(tmp_path, archive(entry(CLAUDE, content)), "x.har", har.FORMAT)
    assert (record.body, record.usage) == (CLAUDE, Usage(12, 3000, 7, 300, 0, 200))
    assert (record.at, record.began, record.ended) == (AT, AT + 1, AT + 2)
    assert (record.line.provider, record.id, len(record.answer)) == ("anthropic", "msg_0123456789", 16)


def test_what_else_is_in_an_archive(tmp_path: Path) -> None:
    page = {"startedDateTime": WRITTEN, "request": {"method": "GET", "url": "https://example.com/"}, "response": {}}
    entries = [page, entry({"q": 1}, {}), entry("a=b", {}), entry(CLAUDE, {}, 0), entry(CLAUDE, {}, 529)]
    got = found(tmp_path, archive(*entries), "x.har")
    whys = [each.why if isinstance(each, Unread) else each.failed for each in got]
    assert whys[0] == "nothing was posted: GET"
    assert whys[1] == "what was posted is no request to a model"
    assert str(whys[2]).startswith("what was posted cannot be read: it is no JSON")
    assert whys[3:] == [True, True]
    assert [each.place.line for each in got] == [1, 2, 3, 4, 5]


def kept(folder: Path, name: str, text: str) -> dict[str, Any]:
    """A body in a file beside the archive, as Playwright keeps it."""
    (folder / name).write_text(text, "utf-8")
    return {"mimeType": "x", "text": "", "_file": name}


def test_an_archive_with_bodies_in_files(tmp_path: Path) -> None:
    whole = entry(CLAUDE, kept(tmp_path, "b.dat", STREAM))
    whole["request"]["postData"] = kept(tmp_path, "a.json", json.dumps(CLAUDE))
    (record,) = records(tmp_path, archive(whole), "x.har", har.FORMAT)
    assert (record.body, record.usage, record.id) == (CLAUDE, Usage(12, 3000, 7, 300, 0, 200), "msg_0123456789")


def test_an_archive_points_at_no_files_but_those_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    kept(tmp_path, "a.json", json.dumps(CLAUDE))
    for name in ("../a.json", str(tmp_path / "a.json"), "..", "", "no.json", "a\0.json", 7):
        apart = entry(CLAUDE, {})
        apart["request"]["postData"] = {"text": "", "_file": name}
        assert unread(folder, archive(apart), "x.har").why == "what was posted was not saved"


def test_an_archive_that_says_how_long_only_the_receiving_took(tmp_path: Path) -> None:
    """As Playwright's smallest form does."""
    short = {**entry(CLAUDE, {"text": json.dumps(CLAUDE_ANSWER)}), "time": 3.5}
    short["timings"] = {"send": -1, "wait": -1, "receive": 3.5}
    (record,) = records(tmp_path, archive(short), "x.har", har.FORMAT)
    assert (record.at, record.began, record.ended) == (AT, None, None)


def test_an_archive_of_calls_that_were_broken_off(tmp_path: Path) -> None:
    """Playwright's status of a connection that was refused is -1; a body that was not saved has a size."""
    refused = entry(CLAUDE, {"text": "half"}, -1)
    unsaved = entry(CLAUDE, {})
    del unsaved["request"]["postData"]
    unsaved["request"]["bodySize"] = 1095
    failed, lost = found(tmp_path, archive(refused, unsaved), "x.har", har.FORMAT)
    assert isinstance(failed, Record)
    assert failed.failed
    assert isinstance(lost, Unread)
    assert lost.why == "what was posted was not saved"
