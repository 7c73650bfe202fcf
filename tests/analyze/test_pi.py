"""Sessions of pi: small ones by hand, and two real ones, to the token."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest

from everwarm.analyze.formats import pi
from everwarm.analyze.reading.record import Record, Unread
from everwarm.core.usage import Usage
from shared import unpacked
from transcripts import Lines, calls, prompts, texts, told

HEAD = {
    "type": "session",
    "id": "s1",
    "timestamp": "2025-12-01T10:00:00.000Z",
    "cwd": "/home/ada/adder",
    "provider": "anthropic",
    "modelId": "claude-sonnet-4-5",
    "thinkingLevel": "off",
}


def entry(message: dict[str, Any], second: int, **others: Any) -> dict[str, Any]:
    return {"type": "message", "timestamp": f"2025-12-01T10:00:{second:02}.500Z", "message": message, **others}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text}], "timestamp": 1}


def answer(text: str, start: int = 0, **others: Any) -> dict[str, Any]:
    usage = {"input": 10, "output": 20, "cacheRead": 1000, "cacheWrite": 30, "totalTokens": 1060}
    return {
        "role": "assistant",
        "content": [{"type": "text", "text": text}],
        "api": "anthropic-messages",
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "usage": usage,
        "stopReason": "stop",
        "timestamp": 1764583200000 + start * 1000,
        **others,
    }


def test_a_call() -> None:
    """Its line, its times, its tokens."""
    (call,) = calls(pi.FORMAT, [HEAD, entry(user("Add 1 and 2."), 0), entry(answer("3", start=1), 4)])
    assert call.line == ("anthropic", "claude-sonnet-4-5", "", "/home/ada/adder", "s1")
    assert (call.at, call.ended) == (1764583201.0, 1764583204.5)
    assert call.usage == Usage(uncached=10, cache_read=1000, output=20, cache_write=30)
    assert (call.place.line, call.hides, call.settings, call.failed) == (3, "pi", {"thinking": "off"}, False)
    assert texts([call]) == ["\n<|user|>\nAdd 1 and 2."]


def test_a_conversation_is_told_once() -> None:
    """A call of a tool and its result are in the next prompt, behind all that was there."""
    reading = {"type": "toolCall", "id": "t1", "name": "read", "arguments": {"path": "a.py"}}
    result = {"role": "toolResult", "toolCallId": "t1", "toolName": "read", "content": [{"type": "text", "text": "x"}]}
    found = calls(
        pi.FORMAT,
        [
            HEAD,
            entry(user("Read."), 0),
            entry(answer("", content=[{"type": "thinking", "thinking": "hm", "thinkingSignature": "sig"}, reading]), 1),
            entry({**result, "isError": False, "timestamp": 3}, 2),
            entry(answer("Done."), 3),
        ],
    )
    assert [call.keeps for call in found] == [0, 1]
    assert texts(found)[1] == (
        "\n<|user|>\nRead."
        '\n<|assistant|>\n{"type":"thinking","thinking":"hm","thinkingSignature":"sig"}"read"{"path":"a.py"}'
        "\n<|tool|>\nx"
    )


def test_what_failed_is_a_call_and_is_not_sent_again() -> None:
    nothing = dict.fromkeys(("input", "output", "cacheRead", "cacheWrite"), 0)
    rows = [
        HEAD,
        entry(user("Go."), 0),
        entry(answer("I", usage=nothing, stopReason="aborted"), 1),
        entry(answer("I beg", stopReason="error"), 2),
        entry(answer("Fine."), 3),
    ]
    broken_off, counted, fine = calls(pi.FORMAT, rows)
    assert (broken_off.failed, broken_off.usage) == (True, None)
    assert (counted.failed, counted.usage is None) == (False, False)
    assert texts([broken_off, counted, fine])[2] == "\n<|user|>\nGo."


def test_settings_are_those_of_the_time() -> None:
    level = {"type": "thinking_level_change", "timestamp": "2025-12-01T10:00:02Z", "thinkingLevel": "high"}
    found = calls(
        pi.FORMAT,
        [
            HEAD,
            entry(answer("1"), 0),
            level,
            entry(answer("2"), 3),
            entry(user("On."), 4),
            entry(answer("3"), 5),
            entry(answer("4", provider="openai-codex"), 6),
        ],
    )
    assert [call.settings for call in found] == [
        {"thinking": "off"},
        {"thinking": "off"},  # what was chosen while it worked counts from the next message on
        {"thinking": "high"},
        {"reasoning_effort": "high"},
    ]
    assert found[3].line.provider == "openai"


def test_a_compaction_by_number() -> None:
    """Version 1: the summary, then all from the first entry that is kept."""
    rows = [
        HEAD,
        entry(user("One."), 0),
        entry(answer("1"), 1),
        entry(user("Two."), 2),
        entry(answer("2"), 3),
        {"type": "compaction", "timestamp": "2025-12-01T10:00:04Z", "summary": "Counted.", "firstKeptEntryIndex": 3},
        entry(user("Three."), 5),
        entry(answer("3"), 6),
    ]
    last = calls(pi.FORMAT, rows)[-1]
    assert last.keeps == 0
    assert texts([last]) == [
        "\n<|user|>\nCounted.\n<|user|>\nTwo.\n<|assistant|>\n2\n<|user|>\nThree.",
    ]


def test_branches_of_a_tree() -> None:
    """Version 3: back to an earlier entry, with a summary of what was left; a second compaction by name."""
    rows = [
        {"type": "session", "version": 3, "id": "s3", "timestamp": "2026-01-01T10:00:00Z", "cwd": "/c"},
        entry(user("One."), 0, id="a", parentId=None),
        entry(answer("1", responseId="msg_1"), 1, id="b", parentId="a"),
        entry(user("Wrong way."), 2, id="c", parentId="b"),
        entry(answer("No."), 3, id="d", parentId="c"),
        {
            "type": "branch_summary",
            "id": "e",
            "parentId": "b",
            "timestamp": "",
            "fromId": "d",
            "summary": "It was wrong.",
        },
        {
            "type": "custom_message",
            "id": "f",
            "parentId": "e",
            "content": "A rule.",
            "customType": "x",
            "display": True,
        },
        {"type": "custom", "id": "g", "parentId": "f", "customType": "state", "data": {"n": 1}},
        entry(answer("2"), 4, id="h", parentId="g"),
        {"type": "compaction", "id": "i", "parentId": "h", "summary": "So far.", "firstKeptEntryId": "f"},
        entry(answer("3"), 5, id="j", parentId="i"),
    ]
    found = calls(pi.FORMAT, rows)
    assert [call.keeps for call in found] == [0, 1, 2, 0]
    assert texts(found)[2:] == [
        "\n<|user|>\nOne.\n<|assistant|>\n1\n<|user|>\nIt was wrong.\n<|user|>\nA rule.",
        "\n<|user|>\nSo far.\n<|user|>\nA rule.\n<|assistant|>\n2",
    ]
    assert found[0].id == "msg_1"


def test_commands_of_the_user() -> None:
    ran = {"role": "bashExecution", "command": "ls", "output": "a.py", "exitCode": 0, "timestamp": 1}
    hidden = {**ran, "command": "env", "excludeFromContext": True}
    (call,) = calls(pi.FORMAT, [HEAD, entry(ran, 0), entry(hidden, 1), entry(answer("1"), 2)])
    assert texts([call]) == ["\n<|user|>\nls\na.py"]


def test_a_copy_of_a_session_has_the_same_calls() -> None:
    """pi copies the entries when a session is branched off."""
    rows = [entry(user("One."), 0), entry(answer("1"), 1)]
    (one,), (other,) = (calls(pi.FORMAT, [{**HEAD, "id": name}, *rows]) for name in ("s1", "s2"))
    assert one.id
    assert one.id == other.id


def test_what_cannot_be_read() -> None:
    found = told(pi.FORMAT, [HEAD, b'{"type":"message","mess', b"[1]", {"type": "message"}, {"id": "x"}])
    assert [one.place.line for one in found if isinstance(one, Unread)] == [2, 3, 4, 5]


def test_what_it_is() -> None:
    assert pi.FORMAT.fits([orjson.dumps(HEAD), b"{"], "x.jsonl") > 0.9
    assert pi.FORMAT.fits([b'{"type":"user","sessionId":"1"}', b"no"], "x.jsonl") == 0
    assert pi.FORMAT.fits([], "x.jsonl") == 0


@pytest.mark.parametrize(
    ("session", "messages", "failed"), [("before-compaction", 484, 13), ("large-session", 453, 14)]
)
def test_real_sessions_to_the_token(session: str, messages: int, failed: int) -> None:
    """Every assistant message is a call, and all tokens are those of the file."""
    data = unpacked(f"pi-sessions/{session}.jsonl.gz")
    found = list(pi.FORMAT.read(Lines(session, data)))
    records = [one for one in found if isinstance(one, Record)]
    assert len(records) == len(found) == messages
    assert sum(record.failed for record in records) == failed
    usages = [record.usage for record in records if record.usage]
    lines = (orjson.loads(line).get("message", {}) for line in data.splitlines())
    sums = dict.fromkeys(("input", "cacheRead", "cacheWrite", "output"), 0)
    for told_usage in (message["usage"] for message in lines if message.get("role") == "assistant"):
        for name in sums:
            sums[name] += told_usage[name]
    assert sum(usage.uncached for usage in usages) == sums["input"]
    assert sum(usage.cache_read for usage in usages) == sums["cacheRead"]
    assert sum(usage.cache_write for usage in usages) == sums["cacheWrite"]
    assert sum(usage.output for usage in usages) == sums["output"]


@pytest.mark.parametrize("session", ["before-compaction", "large-session"])
def test_real_prompts_grow_as_their_tokens_do(session: str) -> None:
    """Fewer tokens than before are counted where the prompt is told to be shorter; else only where nothing was read
    from the cache: the part that is hidden was another one."""
    found = list(pi.FORMAT.read(Lines(session, unpacked(f"pi-sessions/{session}.jsonl.gz"))))
    counted = [(len(row), used) for row, one in zip(prompts(found), found, strict=True) if (used := usage_of(one))]
    fell = 0
    for (before, old), (length, usage) in pairwise(counted):
        if usage.prompt < old.prompt:
            fell += length < before
            assert length < before or usage.cache_read == 0
        else:
            assert length >= before
    assert fell == (2 if session == "before-compaction" else 0)


def usage_of(one: Record | Unread) -> Usage | None:
    assert isinstance(one, Record)
    return one.usage
