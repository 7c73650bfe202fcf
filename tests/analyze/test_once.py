"""One request is one call, however many lines a log has of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from analyzed import START, analysed, entry, written
from everwarm.analyze.reading.gather import Gather
from everwarm.analyze.reading.record import Record
from everwarm.analyze.report import Report
from everwarm.core.analysis.call import Line, Place
from everwarm.core.usage import Usage
from logged import CHAT, CHAT_ANSWER, CLAUDE, CLAUDE_ANSWER, json_lines

ID = "req_0123456789"
CALL = entry(CHAT, 0.0, request_id=ID, response=CHAT_ANSWER)
OTHER = entry(CHAT, 60.0, request_id="req_another", response={**CHAT_ANSWER, "id": "chatcmpl-another"})


def report(tmp_path: Path, *rows: Any) -> Report:
    return analysed(written(tmp_path / "log.jsonl", rows))


def counts(found: Report) -> tuple[int, int, int]:
    return found.total.calls, found.total.prompt, found.total.read


def test_a_line_that_is_there_twice(tmp_path: Path) -> None:
    found = report(tmp_path, CALL, OTHER, CALL)
    assert counts(found) == (2, 4000, 3072)
    assert [source.repeated for source in found.sources] == [1]
    assert found.sources[0].calls == 3, "what was read of the file, repeated ones too"


@pytest.mark.parametrize("first", [0, 1], ids=["counts first", "the prompt first"])
def test_of_two_with_the_same_counts_the_one_with_a_prompt_is_kept(first: int, tmp_path: Path) -> None:
    """As a library tells a call, and what it is called by again. Counts alone say nothing of characters per token."""
    usage = {"prompt_tokens": 18, "completion_tokens": 10, "total_tokens": 28}
    counted = {"timestamp": START, "model": "gpt-5-mini", "response": {**CHAT_ANSWER, "usage": usage}}
    whole, silent = {**counted, "request": CHAT}, {"timestamp": START + 1, "request": CHAT}
    found = report(tmp_path, *([counted, whole] if first == 0 else [whole, counted]), silent)
    assert found.total.calls == 2
    assert found.total.prompt == 36, "the one that tells no tokens has those of the same text"


def test_calls_without_names_that_are_alike_in_all(tmp_path: Path) -> None:
    """Time, prompt and counts are the same: it is one. At another time it is another."""
    bare = {"timestamp": START, "request": CHAT, "usage": CHAT_ANSWER["usage"]}
    assert counts(report(tmp_path, bare, bare, {**bare, "timestamp": START + 1})) == (2, 4000, 3072)


def test_names_tell_calls_of_one_moment_apart(tmp_path: Path) -> None:
    rows = [{"timestamp": START, "request": CHAT, "request_id": f"request-{n:04}"} for n in range(3)]
    assert report(tmp_path, *rows).total.calls == 3


def row(file: str, at: float | None, usage: Usage | None, failed: bool, name: str) -> Record:
    return Record(Place(file, 0), Line("openai", "m"), at=at, usage=usage, failed=failed, id=name)


ROWS = st.builds(
    row,
    st.sampled_from(("a.jsonl", "b.jsonl")),
    st.sampled_from((None, START, START + 1)),
    st.sampled_from((None, Usage(2000, 0, 10))),
    st.booleans(),
    st.sampled_from(("", "name 1", "name 2")),
)


@example([row("a.jsonl", START, None, failed, name) for failed, name in ((True, "1"), (True, "2"), (False, ""))])
@given(st.lists(ROWS, max_size=10))
def test_which_of_many_are_one(records: list[Record]) -> None:
    """One of the same name is; and one of the same time and counts, but for names that differ in one file: then it is
    the last one before. Counts are kept rather than none, and an answer rather than a failure."""
    gather = Gather()
    new, kept = list[Record](), list[Record]()
    for number, record in enumerate(records):
        record.place = Place(record.place.file, number)
        gather.add(record)
        same = [n for n, old in enumerate(new) if record.id and old.id == record.id]
        if not same and record.at is not None:
            last = [n for n, old in enumerate(new) if (old.at, old.usage) == (record.at, record.usage)][-1:]
            same = [n for n in last if not record.id or kept[n].place.file != record.place.file]
        if not same:
            new.append(record)
            kept.append(record)
        elif (record.usage is not None, not record.failed) > ((old := kept[same[0]]).usage is not None, not old.failed):
            kept[same[0]] = record
    assert sorted(call.place for call in gather.finish()) == sorted(record.place for record in kept)
    assert sum(gather.repeated.values()) == len(records) - len(new)


def test_a_retry_after_an_error(tmp_path: Path) -> None:
    """An attempt that got an error has no tokens, and is told as failed; the one that was answered is the call."""
    error = {"error": {"type": "server_error", "message": "overloaded"}}
    failed = {"timestamp": START, "request": CHAT, "request_id": "attempt-one", "status": 500, "response": error}
    found = report(tmp_path, failed, entry(CHAT, 2.0, request_id=ID, response=CHAT_ANSWER))
    assert counts(found) == (1, 2000, 1536)
    assert found.total.failed == 1
    assert any(note.startswith("1 call has no tokens") for note in found.notes)


def test_a_retry_under_the_same_name(tmp_path: Path) -> None:
    """Both attempts are one call, that which succeeded, whichever line comes first."""
    failed = entry(CHAT, 0.0, request_id=ID, status=500, response={"error": {"message": "overloaded"}})
    for rows in ([failed, CALL_OF_ID], [CALL_OF_ID, failed]):
        found = report(tmp_path, *rows)
        assert counts(found) == (1, 2000, 1536)
        assert (found.total.failed, found.sources[0].repeated) == (0, 1)


CALL_OF_ID = entry(CHAT, 2.0, request_id=ID, usage=CHAT_ANSWER["usage"])


def events(*values: dict[str, Any]) -> str:
    return "".join(f"data: {json.dumps(value)}\n\n" for value in values) + "data: [DONE]\n\n"


def test_a_stream_is_one_call(tmp_path: Path) -> None:
    said = [{"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"content": word}}]} for word in ("Hel", "lo")]
    stream = events(*said, {"id": "chatcmpl-1", "choices": [], "usage": CHAT_ANSWER["usage"]})
    found = report(tmp_path, entry({**CHAT, "stream": True}, 0.0, response=stream))
    assert counts(found) == (1, 2000, 1536)
    assert found.total.output == 10


def test_a_stream_of_anthropic_is_one_call(tmp_path: Path) -> None:
    """Counts come in two events, of which the later one wins."""
    usage = CLAUDE_ANSWER["usage"]
    start = {
        "type": "message_start",
        "message": {**CLAUDE_ANSWER, "content": [], "usage": {**usage, "output_tokens": 1}},
    }
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
    stream = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in (start, end, {"type": "message_stop"}))
    found = report(tmp_path, entry({**CLAUDE, "stream": True}, 0.0, response=stream))
    assert counts(found) == (1, 3512, 3000)
    assert (found.total.output, found.total.written) == (7, 500)


def test_the_same_file_given_twice(tmp_path: Path) -> None:
    path = written(tmp_path / "log.jsonl", [CALL, OTHER])
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(path.read_bytes())
    found = analysed(path, path, copy)
    assert counts(found) == (2, 4000, 3072)
    assert [source.repeated for source in found.sources] == [0, 2, 2]


def test_one_call_in_two_logs_under_two_names(tmp_path: Path) -> None:
    """As the client wrote it and as a gateway did: the same prompt, counts and moment."""
    here = written(tmp_path / "client.jsonl", [entry(CHAT, 0.0, request_id="client-side", usage=CHAT_ANSWER["usage"])])
    there = written(tmp_path / "gateway.jsonl", [entry(CHAT, 0.0, request_id="gateway-1", usage=CHAT_ANSWER["usage"])])
    assert analysed(here, there).total.calls == 1


def assistant(part: dict[str, Any], second: int, output: int) -> dict[str, Any]:
    usage = {**CLAUDE_ANSWER["usage"], "output_tokens": output}
    message = {**CLAUDE_ANSWER, "content": [part], "usage": usage}
    return {
        **ENTRY,
        "type": "assistant",
        "uuid": f"a{second}",
        "timestamp": f"2026-01-01T00:00:0{second}Z",
        "message": message,
        "requestId": "req_1",
    }


ENTRY = {"sessionId": "s", "version": "2.0.1", "cwd": "/home/ada"}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 3, 2, 1)])
def test_an_answer_in_several_lines_of_a_transcript(tmp_path: Path, order: tuple[int, ...]) -> None:
    """A line for each part of what was said, with the counts so far: one call, with the last counts."""
    rows = [
        {
            **ENTRY,
            "type": "user",
            "uuid": "u",
            "timestamp": "2026-01-01T00:00:00Z",
            "message": {"role": "user", "content": "Hi"},
        },
        assistant({"type": "thinking", "thinking": "Hm.", "signature": "x"}, 1, 1),
        assistant({"type": "text", "text": "I look."}, 2, 1),
        assistant({"type": "tool_use", "id": "t", "name": "ls", "input": {}}, 3, 7),
    ]
    rows = [{**row, "parentUuid": rows[n - 1]["uuid"] if n else None} for n, row in enumerate(rows)]
    path = tmp_path / "session.jsonl"
    path.write_bytes(json_lines(*(rows[n] for n in order)))
    found = analysed(path)
    assert counts(found) == (1, 3512, 3000)
    assert found.total.output == 7


def test_only_failed_calls(tmp_path: Path) -> None:
    failed = entry(CHAT, 0.0, status=500, response={"error": {"message": "no"}})
    found = report(tmp_path, failed)
    assert (found.total.calls, found.total.failed, found.total.prompt) == (0, 1, 0)
    assert found.total.steps == []
    assert found.repairs == []
