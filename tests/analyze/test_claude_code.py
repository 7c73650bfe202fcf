"""Transcripts of Claude Code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from everwarm.analyze.formats.claude_code import FORMAT
from everwarm.analyze.reading.log import read_all
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.usage import Usage
from transcripts import calls, texts, told

COMMON = {
    "isSidechain": False,
    "userType": "external",
    "cwd": "/home/ada/adder",
    "sessionId": "s-1",
    "version": "2.1.39",
    "gitBranch": "main",
}


def at(second: int) -> str:
    return f"2026-02-01T10:{second // 60:02}:{second % 60:02}.000Z"


def line(uuid: str, parent: str | None, second: int, **others: Any) -> dict[str, Any]:
    return {"parentUuid": parent, **COMMON, "uuid": uuid, "timestamp": at(second), **others}


def user(uuid: str, parent: str | None, second: int, content: Any, **others: Any) -> dict[str, Any]:
    return line(uuid, parent, second, type="user", message={"role": "user", "content": content}, **others)


def result(uuid: str, parent: str, second: int, call: str, content: str) -> dict[str, Any]:
    block = {"tool_use_id": call, "type": "tool_result", "content": content}
    return user(uuid, parent, second, [block], toolUseResult={"stdout": content})


def assistant(
    uuid: str, parent: str | None, second: int, name: str, *parts: dict[str, Any], **usage: Any
) -> dict[str, Any]:
    """A line of an answer: its usage is what it was when the line was written."""
    counted = {
        "input_tokens": 4,
        "cache_creation_input_tokens": 300,
        "cache_read_input_tokens": 20000,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 200},
        "output_tokens": 1,
        "service_tier": "standard",
        **usage,
    }
    message = {
        "model": "claude-opus-4-6",
        "id": name,
        "type": "message",
        "role": "assistant",
        "content": list(parts),
        "stop_reason": None,
        "usage": counted,
    }
    return line(uuid, parent, second, type="assistant", message=message, requestId=f"req_{name}")


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def tool(name: str, call: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call, "name": name, "input": {"file": "a.py"}}


TURN = [
    {"type": "file-history-snapshot", "messageId": "u1", "snapshot": {}, "isSnapshotUpdate": False},
    user("u1", None, 0, "Fix it.", thinkingMetadata={"level": "high", "disabled": False, "triggers": []}),
    assistant("a1", "u1", 4, "msg_1", {"type": "thinking", "thinking": "hm", "signature": "sig"}),
    assistant("a2", "a1", 5, "msg_1", text("I look.")),
    assistant("a3", "a2", 6, "msg_1", tool("Read", "t1"), output_tokens=90),
    assistant("a4", "a3", 7, "msg_1", tool("Grep", "t2"), output_tokens=120),
    result("r1", "a3", 8, "t1", "x = 1"),
    result("r2", "a4", 9, "t2", "a.py:1"),
    assistant("b1", "r2", 12, "msg_2", text("Fixed."), cache_read_input_tokens=20300, output_tokens=30),
    line("d1", "b1", 12, type="system", subtype="turn_duration", durationMs=12000),
    user("u2", "d1", 60, [text("Thanks.")]),
    assistant("c1", "u2", 63, "msg_3", text("."), output_tokens=3),
]
"""A turn with two calls of tools at once, and a short one."""

FIRST = "\n<|user|>\nFix it."
SECOND = (
    FIRST
    + '\n<|assistant|>\n{"type":"thinking","thinking":"hm","signature":"sig"}I look.'
    + '"Read"{"file":"a.py"}"Grep"{"file":"a.py"}'
    + "\n<|tool|>\nx = 1\n<|tool|>\na.py:1"
)


def test_a_call_is_counted_once() -> None:
    """Four lines of one answer are one call, with the last of their counts."""
    first, second, third = calls(FORMAT, TURN)
    assert first.usage == Usage(4, 20000, 120, cache_write=100, cache_write_long=200)
    assert second.usage == Usage(4, 20300, 30, cache_write=100, cache_write_long=200)
    assert (first.id, second.id, third.id) == ("msg_1", "msg_2", "msg_3")
    assert first.line == ("anthropic", "claude-opus-4-6", "", "/home/ada/adder", "s-1")
    assert (first.place.line, first.hides, first.settings) == (3, "claude-code 2.1.39", {"thinking": "high"})


def test_when_it_was_sent() -> None:
    """When the line before it was written; of results the last one."""
    first, second, third = calls(FORMAT, TURN)
    start = first.at
    assert start is not None
    times = [(call.at, call.began, call.ended) for call in (first, second, third)]
    assert times == [
        (start, start + 4, start + 7),
        (start + 9, start + 12, start + 12),
        (start + 60, start + 63, start + 63),
    ]


def test_the_prompt_is_all_that_was_sent() -> None:
    found = calls(FORMAT, TURN)
    assert texts(found) == [FIRST, SECOND, SECOND + "\n<|assistant|>\nFixed.\n<|user|>\nThanks."]
    assert [call.keeps for call in found] == [0, 1, 7]


def test_lines_that_repeat_the_parts_before() -> None:
    """Some versions write an answer anew with each part."""
    rows = [
        user("u1", None, 0, "Go."),
        assistant("a1", "u1", 1, "msg_1", text("One."), output_tokens=1),
        assistant("a2", "a1", 2, "msg_1", text("One."), tool("Read", "t1"), output_tokens=50),
        result("r1", "a2", 3, "t1", "x"),
        assistant("b1", "r1", 4, "msg_2", text("Two.")),
    ]
    first, second = calls(FORMAT, rows)
    assert first.usage is not None
    assert first.usage.output == 50
    assert texts([first, second])[1] == '\n<|user|>\nGo.\n<|assistant|>\nOne."Read"{"file":"a.py"}\n<|tool|>\nx'


def test_lines_of_one_moment() -> None:
    """Parents say which of them was first."""
    rows = [
        user("u1", None, 0, "Go."),
        assistant("z", "u1", 1, "msg_1", text("One.")),
        assistant("y", "z", 1, "msg_1", text("Two.")),
        assistant("x", "y", 1, "msg_1", text("Three.")),
        user("u2", "x", 2, "On."),
        assistant("b", "u2", 3, "msg_2", text(".")),
    ]
    assert texts(calls(FORMAT, rows))[1] == "\n<|user|>\nGo.\n<|assistant|>\nOne.Two.Three.\n<|user|>\nOn."


def test_back_to_an_earlier_message() -> None:
    """A branch: what was said on the other one is not in its prompt."""
    rows = [*TURN, user("u9", "b1", 90, "No, like this."), assistant("e1", "u9", 93, "msg_9", text("Yes."))]
    last = calls(FORMAT, rows)[-1]
    assert last.keeps == 8
    assert texts(calls(FORMAT, rows))[-1] == SECOND + "\n<|assistant|>\nFixed.\n<|user|>\nNo, like this."


def compacted(**metadata: Any) -> list[dict[str, Any]]:
    told = {"trigger": "auto", "preTokens": 155000, **metadata}
    return [
        *TURN,
        line("k", "c1", 70, type="system", subtype="compact_boundary", logicalParentUuid="c1", compactMetadata=told),
        user("k1", "k", 70, "It was fixed.", isCompactSummary=True, isVisibleInTranscriptOnly=True),
    ]


def test_a_compaction() -> None:
    """Nothing before it is sent any more."""
    rows = [*compacted(), user("u3", "k1", 80, "Go on."), assistant("f1", "u3", 83, "msg_5", text("On."))]
    last = calls(FORMAT, rows)[-1]
    assert last.keeps == 0
    assert texts([last]) == ["\n<|user|>\nIt was fixed.\n<|user|>\nGo on."]


def test_a_compaction_that_keeps_the_end() -> None:
    """The lines that it names, or those from one to the other, follow its summary."""
    for kept in (
        {"preservedMessages": {"anchorUuid": "k1", "uuids": ["u2", "c1"]}},
        {"preservedSegment": {"anchorUuid": "k1", "headUuid": "u2", "tailUuid": "c1"}},
    ):
        rows = [*compacted(**kept), user("u3", "c1", 80, "Go on."), assistant("f1", "u3", 83, "msg_5", text("On."))]
        found = calls(FORMAT, rows)
        expected = "\n<|user|>\nIt was fixed.\n<|user|>\nThanks.\n<|assistant|>\n.\n<|user|>\nGo on."
        assert texts(found) == [*texts(calls(FORMAT, TURN)), expected]


def test_results_that_are_cleared() -> None:
    """From then on the prompt is another one, from the first of them on."""
    clears = {"trigger": "auto", "preTokens": 90000, "tokensSaved": 9000, "compactedToolIds": ["t1"]}
    rows = [
        *TURN,
        line("m", "c1", 70, type="system", subtype="microcompact_boundary", microcompactMetadata=clears),
        user("u3", "m", 80, "Go on."),
        assistant("f1", "u3", 83, "msg_5", text("On.")),
    ]
    found = calls(FORMAT, rows)
    assert texts(found)[-1] == SECOND.replace("x = 1", "") + (
        "\n<|assistant|>\nFixed.\n<|user|>\nThanks.\n<|assistant|>\n.\n<|user|>\nGo on."
    )
    assert found[-1].keeps == 1


def test_subagents_have_a_prompt_of_their_own() -> None:
    aside = {"isSidechain": True, "agentId": "ad2d877"}
    rows = [
        *TURN,
        {**user("x1", None, 20, "Search."), **aside},
        {**assistant("x2", "x1", 22, "msg_x", text("Found.")), **aside},
    ]
    found = {call.id: call for call in calls(FORMAT, rows)}
    assert found["msg_x"].keeps == 0
    assert found["msg_x"].hides == "claude-code 2.1.39 subagent"
    assert found["msg_x"].line.session == "s-1/ad2d877"
    assert found["msg_3"].usage == calls(FORMAT, TURN)[2].usage


def test_a_question_aside_repeats_the_conversation(tmp_path: Path) -> None:
    """Its own file has all lines before it as a subagent's: they stay the conversation's calls."""
    aside = {"isSidechain": True, "agentId": "aside_question-1"}
    asked = [user("q1", "a4", 50, "By the way?"), assistant("q2", "q1", 53, "msg_9", text("Yes."))]
    for name, rows in (("s1", TURN), ("s1/subagents/agent-aside", [{**each, **aside} for each in TURN + asked])):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    read = read_all([str(tmp_path)], lambda _: None)
    assert sorted(call.line.session for call in read.gather.finish()) == ["s-1"] * 3 + ["s-1/aside_question-1"]
    assert [(source.calls, source.repeated) for source in read.sources] == [(3, 0), (4, 3)]


def test_calls_that_failed() -> None:
    """Retries are lines of the system; the last failure is told as if the model had said it. Neither is sent."""
    said = {"role": "assistant", "model": "<synthetic>", "id": "x", "content": [text("API Error: 529")], "usage": {}}
    rows = [
        *TURN,
        user("u3", "c1", 70, "Go on."),
        line("e1", "u3", 72, type="system", subtype="api_error", retryAttempt=1, error={"status": 529}),
        line("e2", "e1", 80, type="assistant", message=said, isApiErrorMessage=True),
        user("u4", "e2", 90, "Again."),
        line("n1", "u4", 91, type="assistant", message={**said, "content": [text("No response requested.")]}),
        user("u5", "n1", 92, "Go."),
        assistant("f1", "u5", 95, "msg_5", text("On.")),
    ]
    found = calls(FORMAT, rows)
    assert [(call.failed, call.usage is None) for call in found] == [(False, False)] * 3 + [(True, True)] * 2 + [
        (False, False)
    ]
    assert {call.line.model for call in found} == {"claude-opus-4-6"}
    assert texts(found)[-1].endswith("Go on.\n<|user|>\nAgain.\n<|assistant|>\nNo response requested.\n<|user|>\nGo.")


def test_other_settings_and_providers() -> None:
    fast = assistant("a1", None, 1, "msg_bdrk_1", text("."), speed="fast")
    off = {**fast, **user("u1", None, 0, "x", thinkingMetadata={"level": "high", "disabled": True})}
    rows = [off, {**fast, "parentUuid": "u1"}]
    (call,) = calls(FORMAT, rows)
    assert call.settings == {"thinking": "none", "speed": "fast"}
    assert call.line.provider == "bedrock"


def test_attachments_are_sent_and_what_only_the_user_sees_is_not() -> None:
    rows = [
        user("u1", None, 0, "Hi."),
        line("t1", "u1", 1, type="attachment", attachment={"type": "todo", "content": []}),
        user("v1", "t1", 2, "Shown.", isVisibleInTranscriptOnly=True),
        line("p1", "v1", 3, type="progress", data={"type": "hook_progress"}),
        assistant("a1", "p1", 4, "msg_1", text("Hello.")),
    ]
    assert texts(calls(FORMAT, rows)) == ['\n<|user|>\nHi.\n<|user|>\n{"type":"todo","content":[]}']


def test_a_parent_that_is_not_there() -> None:
    """The line before it in time stands for it."""
    rows = [each for each in TURN if each.get("uuid") != "d1"]
    assert texts(calls(FORMAT, rows)) == texts(calls(FORMAT, TURN))


def test_lines_in_a_circle() -> None:
    rows = [{**each, "parentUuid": "b1"} if each.get("uuid") == "u1" else each for each in TURN]
    assert len(calls(FORMAT, rows)) == 3


def test_what_cannot_be_read() -> None:
    found = told(FORMAT, [*TURN, b'{"type":"assistant","mess', {"type": "assistant"}, {"uuid": "x"}])
    unread = [one for one in found if isinstance(one, Unread)]
    assert [one.place.line for one in unread] == [13, 14, 15]
    assert unread[0].why.startswith("it is no JSON: ")
    assert unread[0].sample == '{"type":"assistant","mess'


@given(
    st.permutations(
        TURN + compacted()[-2:] + [user("u3", "k1", 80, "On."), assistant("f1", "u3", 83, "msg_5", text("."))]
    )
)
def test_the_order_of_lines_does_not_matter(rows: list[dict[str, Any]]) -> None:
    """Parents and times say what followed what."""
    rows = list(rows)
    expected = calls(FORMAT, sorted(rows, key=lambda one: (one.get("timestamp", ""), one.get("uuid", ""))))
    found = calls(FORMAT, rows)
    assert [facts(call) for call in found] == [facts(call) for call in expected]
    assert texts(found) == texts(expected)


def facts(call: Record) -> tuple[object, ...]:
    """All of a record but the number of its line."""
    return (call.id, call.line, call.at, call.began, call.ended, call.usage, call.settings, call.hides, call.keeps)


def test_a_long_conversation() -> None:
    """No recursion."""
    rows = [user("u0", None, 0, "0")]
    for n in range(3000):
        rows += [assistant(f"a{n}", f"u{n}", n + 1, f"msg_{n}", text("a")), user(f"u{n + 1}", f"a{n}", n + 1, "u")]
    found = calls(FORMAT, rows)
    assert len(found) == 3000
    assert sum(len(call.blocks or ()) for call in found) == 2 * 3000 - 1


def test_what_it_is() -> None:
    heads = [orjson.dumps(each) for each in TURN[:3]]
    assert FORMAT.fits(heads, "s.jsonl") > 0.9
    assert 0 < FORMAT.fits([orjson.dumps({"type": "summary", "summary": "x", "leafUuid": "y"})], "s.jsonl") < 0.9
    snapshot = {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}, "isSnapshotUpdate": False}
    assert 0 < FORMAT.fits([orjson.dumps(snapshot)], "s.jsonl") < 0.9
    assert FORMAT.fits([b'{"messages":[]}', b"no JSON"], "s.jsonl") == 0


def test_lines_that_are_no_calls() -> None:
    """They are known as such: each version has more of them."""
    kinds = ("queue-operation", "custom-title", "ai-title", "last-prompt", "permission-mode", "pr-link", "mode")
    others = [{"type": kind, "sessionId": "s1", "timestamp": "2026-03-01T10:00:00.000Z"} for kind in kinds]
    others += [
        {"type": "file-history-snapshot", "messageId": "m", "snapshot": {}},
        {"type": "summary", "leafUuid": "y"},
    ]
    assert len(calls(FORMAT, [*others, *TURN, *others])) == 3


@pytest.mark.parametrize(
    "line",
    [
        {"display": "Hi", "pastedContents": {}, "timestamp": 1772359200000, "project": "/home/ada", "sessionId": "s1"},
        {"debug": "Connected", "timestamp": "2026-03-01T10:00:00.000Z", "sessionId": "s1", "cwd": "/home/ada"},
        {"pid": 7, "sessionId": "s1", "cwd": "/home/ada", "startedAt": 1772359200000},
    ],
    ids=["history of inputs", "log of a server of tools", "process"],
)
def test_other_files_of_the_agent(line: dict[str, Any]) -> None:
    assert FORMAT.fits([orjson.dumps(line)], "history.jsonl") == 0
